import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import { oauthPaths } from "../../../model/oauth.js";
import type { Bodies } from "../../web/body.js";
import type { CallerReading } from "../../web/caller.js";
import { parseForm, readBody } from "../body.js";
import { contextOf } from "../call.js";
import { type Params, withClient } from "./client.js";
import { bodyOf, formRequired, invalidRequest, OAuthError, toProblem } from "./errors.js";
import { introspect } from "./introspect.js";
import { revoke } from "./revoke.js";
import type { OAuthMethods, OAuthRoute } from "./route.js";
import { issueTokens } from "./token.js";

export interface OAuthOptions extends CallerReading {
  readonly methods: OAuthMethods;
  readonly bodies: Bodies;
}

const routes: readonly (readonly [path: string, route: OAuthRoute])[] = [
  [oauthPaths.token, issueTokens],
  [oauthPaths.introspect, introspect],
  [oauthPaths.revoke, revoke],
];

const prefix = "/oauth2";
const formType = "application/x-www-form-urlencoded";

/** The OAuth endpoints: RFC 6749 (token), RFC 7662 (introspection) and RFC 7009 (revocation). */
export function oauthRoutes(options: OAuthOptions): FastifyPluginAsync {
  return async (app: FastifyInstance) => {
    app.addContentTypeParser(formType, async (request: FastifyRequest) =>
      parseForm(await readBody(request.raw, options.bodies)),
    );
    app.addHook("onRequest", async (request, reply) => {
      reply.header("cache-control", "no-store").header("pragma", "no-cache");
      if (request.method !== "POST") throw new OAuthError(methodNotAllowed);
    });
    app.setErrorHandler((error, _request, reply) => sendProblem(error, reply));
    for (const [path, route] of routes) {
      app.all(path.slice(prefix.length), async (request, reply) => {
        const params = request.body as Params | null | undefined;
        if (params === null || params === undefined) throw invalidRequest(formRequired);
        const context = withClient(contextOf(request.raw, reply.raw, options), params);
        const body = await route(options.methods, context, params);
        return body === undefined ? reply.code(200).send() : reply.code(200).send(body);
      });
    }
  };
}

const methodNotAllowed = {
  status: 405,
  error: "invalid_request",
  description: "Use the method POST.",
  headers: { allow: "POST" },
};

async function sendProblem(error: unknown, reply: FastifyReply): Promise<FastifyReply> {
  const problem = toProblem(error);
  // The rest of a body that is too large is not read, so the connection can carry no further request.
  if (problem.status === 413 && "shouldKeepAlive" in reply.raw) reply.raw.shouldKeepAlive = false;
  return await reply
    .code(problem.status)
    .headers(problem.headers ?? {})
    .send(bodyOf(problem));
}
