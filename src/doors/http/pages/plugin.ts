import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import { type PageName, pageLanguage, pageTexts } from "../../../delivery/texts/pages.js";
import type { Bodies } from "../../web/body.js";
import type { CallerReading } from "../../web/caller.js";
import { BodyError, readBytes } from "../body.js";
import { contextOf, refusalOf } from "../call.js";
import { contentSecurityPolicy, type PageState, pageHtml } from "./page.js";
import type { PageAct } from "./pages.js";

export interface PageOptions extends CallerReading {
  readonly page: PageName;
  readonly act: PageAct;
  readonly bodies: Bodies;
}

interface Route {
  readonly Params: { readonly "*": string };
  readonly Querystring: { readonly lang?: string | readonly string[] };
}

/**
 * A page behind the links of messages. GET and HEAD only show it, because mail scanners and browsers fetch links by themselves. POST
 * acts. Every link gets the same page.
 */
export function pageRoutes(options: PageOptions): FastifyPluginAsync {
  return async (app: FastifyInstance) => {
    // The form has no fields. Its body is read to its end, so that the connection can carry the next request.
    app.addContentTypeParser("*", async (request: FastifyRequest) => void (await readBytes(request.raw, options.bodies)));
    app.addHook("onRequest", async (request, reply) => {
      reply.headers({
        "cache-control": "no-store",
        "content-security-policy": contentSecurityPolicy,
        "cross-origin-opener-policy": "same-origin",
        "x-robots-tag": "noindex",
        vary: "Accept-Language, Origin",
      });
      if (!["GET", "HEAD", "POST"].includes(request.method))
        return await reply.code(405).header("allow", "GET, HEAD, POST").send();
      return undefined;
    });
    app.setErrorHandler<Error, Route>((error, request, reply) => {
      // The rest of a body that is too large is not read, so the connection can carry no further request.
      if ("shouldKeepAlive" in reply.raw) reply.raw.shouldKeepAlive = false;
      return show(request, reply.code(error instanceof BodyError ? error.status : 503), "failed");
    });
    app.all<Route>("/*", async (request, reply) => {
      if (request.method !== "POST") return await show(request, reply, "ask");
      const state = await act(request, reply);
      return await show(request, reply.code(state === "done" ? 200 : 503), state);
    });
  };

  async function act(request: FastifyRequest<Route>, reply: FastifyReply): Promise<PageState> {
    try {
      await options.act(contextOf(request.raw, reply.raw, options), { token: request.params["*"] });
      return "done";
    } catch (error) {
      // A token of the wrong form is as good as a forged one.
      return refusalOf(error)?.reason === "REQUEST_INVALID" ? "done" : "failed";
    }
  }

  async function show(request: FastifyRequest<Route>, reply: FastifyReply, state: PageState): Promise<FastifyReply> {
    const language = pageLanguage([request.query.lang ?? [], request.headers["accept-language"]?.split(",") ?? []].flat(2));
    reply.type("text/html; charset=utf-8").header("content-language", language);
    const html = pageHtml(language, pageTexts(options.page, language), state);
    return await reply.send(request.method === "HEAD" ? undefined : html);
  }
}
