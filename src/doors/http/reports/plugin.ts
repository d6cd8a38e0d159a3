import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import type { ReportRequest } from "../../../delivery/provider.js";
import type { TakenReports } from "../../../delivery/take-reports.js";
import type { Bodies } from "../../web/body.js";
import { BodyError, readBytes } from "../body.js";

/** Takes the reports of one carrier. Throws if they can't be stored now. */
export type TakeReports = (provider: string, request: Omit<ReportRequest, "now">) => Promise<TakenReports>;

export interface ReportsOptions {
  readonly issuer: string;
  readonly bodies: Bodies;
  readonly take: TakeReports;
}

const statuses: Readonly<Record<TakenReports, number>> = { taken: 200, forged: 403, malformed: 400, unknown: 404, busy: 429 };
/** Carriers repeat what is refused for a moment. */
const busySeconds = 1;

interface Route {
  readonly Params: { readonly provider: string; readonly app?: string };
}

/** Returns the name of a carrier in the deployment. */
function providerIn({ app, provider }: Route["Params"]): string {
  return app === undefined ? provider : `${app}/${provider}`;
}

/**
 * The path at which carriers report what became of messages. An authentic report gets the same answer whether its message exists
 * or not. Some carriers report by GET.
 */
export function reportRoutes(options: ReportsOptions): FastifyPluginAsync {
  return async (app: FastifyInstance) => {
    app.addContentTypeParser("*", async (request: FastifyRequest) => await readBytes(request.raw, options.bodies));
    app.addHook("onRequest", async (request, reply) => {
      reply.header("cache-control", "no-store");
      if (request.method !== "POST" && request.method !== "GET")
        return await reply.code(405).header("allow", "GET, POST").send();
      return undefined;
    });
    app.setErrorHandler((error, _request, reply) => sendError(error, reply));
    for (const path of ["/reports/:provider", "/reports/:app/:provider"])
      app.all<Route>(path, async (request, reply) => await answer(request, reply));
  };

  async function answer(request: FastifyRequest<Route>, reply: FastifyReply): Promise<FastifyReply> {
    const taken = await options.take(providerIn(request.params), reportRequestOf(request, options.issuer));
    if (taken === "busy") reply.header("retry-after", String(busySeconds));
    return await reply.code(statuses[taken]).send();
  }
}

/** Signatures cover the URL that the carrier was given, so it is made from the issuer, never from the Host header. */
function reportRequestOf(request: FastifyRequest<Route>, issuer: string): Omit<ReportRequest, "now"> {
  const target = request.raw.url ?? "";
  const query = target.includes("?") ? target.slice(target.indexOf("?")) : "";
  const body = request.body as Buffer | undefined;
  return {
    method: request.method,
    url: `${issuer}/delivery/reports/${providerIn(request.params)}${query}`,
    headers: headersOf(request),
    body: body ?? Buffer.alloc(0),
  };
}

/** Leaves out the pseudo-headers of HTTP/2. */
function headersOf({ headers }: FastifyRequest): Readonly<Record<string, string>> {
  const entries = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined || name.startsWith(":") ? [] : [[name, Array.isArray(value) ? value.join(", ") : value] as const],
  );
  return Object.fromEntries(entries);
}

async function sendError(error: unknown, reply: FastifyReply): Promise<FastifyReply> {
  // Carriers repeat a report that fails so. The store logs what is wrong with it.
  const status = error instanceof BodyError ? error.status : 503;
  // The rest of a body that is too large is not read, so the connection can carry no further request.
  if (status === 413 && "shouldKeepAlive" in reply.raw) reply.raw.shouldKeepAlive = false;
  return await reply.code(status).send();
}
