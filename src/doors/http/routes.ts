import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from "fastify";
import type { ServedService } from "../../rpc/pipeline.js";
import type { Bodies } from "../web/body.js";
import type { CallerReading } from "../web/caller.js";
import { pathOf, type WebRequest, type WebResponse } from "../web/types.js";
import {
  type DialectDefinition,
  type DialectOptions,
  descriptionPath,
  dialectPlugin,
  sendFailure,
} from "./dialects/dialect.js";
import { noPath } from "./dialects/failure.js";
import { lazySchemas } from "./lazy-schemas.js";
import { oauthRoutes } from "./oauth/plugin.js";
import { oauthMethodsOf } from "./oauth/route.js";
import { pagesOf } from "./pages/pages.js";
import { pageRoutes } from "./pages/plugin.js";
import { reportRoutes, type TakeReports } from "./reports/plugin.js";

export interface HttpRoutesOptions extends CallerReading {
  readonly issuer: string;
  readonly services: readonly ServedService[];
  readonly bodies: Bodies;
  /** Left out: no dialects here. */
  readonly dialects?: Pick<DialectOptions, "directory" | "secure" | "jwks"> & {
    readonly definitions: readonly DialectDefinition[];
  };
  /** Left out: no carrier reports here. */
  readonly reports?: { readonly take: TakeReports };
}

/** The plain HTTP paths, each of which calls a served method. */
export interface HttpRoutes {
  /** Resolves when requests can be answered. */
  ready(): Promise<void>;
  /** Answers a request. Returns false if its path is not one of these. */
  answer(request: WebRequest, response: WebResponse): boolean;
}

/** One plugin for each concern, with its own prefix, body parsers and error shapes. */
export function createHttpRoutes(options: HttpRoutesOptions): HttpRoutes {
  const definitions = options.dialects?.definitions ?? [];
  /** Below a vendor's path the answer has the vendor's shape. */
  const notFound = async (request: FastifyRequest, reply: FastifyReply) => {
    reply.code(404).header("cache-control", "no-store");
    const definition = definitions.find(({ prefixes: own }) => own.some((prefix) => request.url.startsWith(prefix)));
    return definition === undefined ? reply.send() : await sendFailure(definition, noPath(), { request, reply });
  };
  const app = fastify({
    exposeHeadRoutes: false,
    // A value of a wrong type is refused, not changed.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false } },
    schemaController: lazySchemas(),
    return503OnClosing: false,
    // A path with a bad encoding.
    frameworkErrors: (_error, request, reply: FastifyReply) => notFound(request, reply),
  });
  // Each plugin reads the bodies that it accepts, so that the door counts their bytes.
  app.removeAllContentTypeParsers();
  app.setNotFoundHandler(notFound);
  // Reached only on the way to that handler, such as by the content type of a body.
  app.setErrorHandler((_error, request, reply: FastifyReply) => notFound(request, reply));
  const prefixes: string[] = [];
  const issuerPath = new URL(options.issuer).pathname.replace(/\/$/, "");
  const methods = oauthMethodsOf(options.services);
  if (methods !== null) {
    for (const prefix of new Set(["/oauth2", `${issuerPath}/oauth2`])) {
      prefixes.push(`${prefix}/`);
      app.register(oauthRoutes({ ...options, methods }), { prefix });
    }
  }
  for (const { path, page, act } of pagesOf(options.services)) {
    if (act === undefined) continue;
    for (const prefix of new Set([path, `${issuerPath}${path}`])) {
      prefixes.push(`${prefix}/`);
      app.register(pageRoutes({ ...options, page, act }), { prefix });
    }
  }
  if (options.dialects !== undefined) {
    for (const definition of definitions) {
      prefixes.push(...definition.prefixes, descriptionPath(definition.dialect));
      app.register(dialectPlugin(definition, { ...options, ...options.dialects }));
    }
  }
  if (options.reports !== undefined) {
    for (const prefix of new Set(["/delivery", `${issuerPath}/delivery`])) {
      prefixes.push(`${prefix}/`);
      app.register(reportRoutes({ ...options, ...options.reports }), { prefix });
    }
  }
  return {
    async ready() {
      await app.ready();
    },
    answer(request, response) {
      const path = pathOf(request);
      if (!prefixes.some((prefix) => path.startsWith(prefix))) return false;
      route(app, request, response);
      return true;
    },
  };
}

/** Fastify's types are those of HTTP/1.1. The compatibility objects of HTTP/2 have the same methods. */
function route(app: FastifyInstance, request: WebRequest, response: WebResponse): void {
  (app.routing as (request: WebRequest, response: WebResponse) => void)(request, response);
}
