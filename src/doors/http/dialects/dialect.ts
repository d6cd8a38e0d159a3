import type { DescMessage, DescMethodUnary } from "@bufbuild/protobuf";
import swagger from "@fastify/swagger";
import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type {
  FastifyBaseLogger,
  FastifyInstance,
  FastifyPluginAsync,
  FastifyReply,
  FastifyRequest,
  RawServerDefault,
} from "fastify";
import type { Directory, Registered } from "../../../apps/directory.js";
import type { SessionCookie } from "../../../model/caller.js";
import type { Dialect } from "../../../model/dialect.js";
import type { Policy } from "../../../model/policy.js";
import type { CallContext } from "../../../rpc/call-context.js";
import { type NamedClient, namedClient } from "../../../rpc/named-client.js";
import type { ServedService } from "../../../rpc/pipeline.js";
import type { Bodies } from "../../web/body.js";
import type { CallerReading } from "../../web/caller.js";
import type { CorsNeeds } from "../../web/cors.js";
import { sessionCookieOf } from "../../web/session-cookie.js";
import { headerValues } from "../../web/types.js";
import { BodyError, parseForm, readBody } from "../body.js";
import { contextOf, type MethodCall, servedMethod } from "../call.js";
import { type Failure, failureOf, noCredentials, noPath, noSpeaker, RouteError } from "./failure.js";
import { hostOf, isOwnPage } from "./own-page.js";

export interface DialectOptions extends CallerReading {
  readonly services: readonly ServedService[];
  readonly bodies: Bodies;
  readonly directory: Pick<Directory, "find" | "speakerOf" | "appIn">;
  /** The URL that callers reach the server by. */
  readonly issuer: string;
  /** Whether callers use HTTPS. */
  readonly secure: boolean;
  /** The public keys, as JSON text of a JWK set, oldest first. */
  readonly jwks: () => string;
}

/** An answer in a vendor's shape. */
export interface DialectAnswer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Fastify with schemas as types. */
export type DialectApp = FastifyInstance<
  RawServerDefault,
  FastifyRequest["raw"],
  FastifyReply["raw"],
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

/** What the routes of a dialect work with. */
export interface DialectKit {
  /** Returns a method of the API, which goes through the pipeline. Throws if it is not served. */
  method<I extends DescMessage, O extends DescMessage>(method: DescMethodUnary<I, O>): MethodCall<I, O>;
  /**
   * The context of a call without credentials, as the client that speaks the dialect. Throws NO_SPEAKER if none does, or several
   * do. Headers with credentials are not read.
   */
  asSpeaker(request: FastifyRequest, reply: FastifyReply): CallContext;
  /**
   * The session cookie of a vendor's name, for `cookie` of a context. The call then needs an allowed origin, or none if its browser
   * says that no page of another site makes it.
   */
  cookie(request: FastifyRequest, reply: FastifyReply, name: string): SessionCookie;
  /** The context of a call with the credentials of the `authorization` header. */
  asCaller(request: FastifyRequest, reply: FastifyReply): CallContext;
  /** As `asCaller`, for vendors whose callers are backends: a user's token is refused. Throws NO_CREDENTIALS for a call without them. */
  asBackend(request: FastifyRequest, reply: FastifyReply): CallContext;
  /**
   * The client that the credentials of a call name. They are not checked, so a route may tell what it finds only after a method has
   * answered. Null: they name none.
   */
  clientOf(context: CallContext): NamedClient | null;
  /** Returns the client with this id, alias or id in a vendor's form. */
  find(clientId: string): Registered | null;
  /** Whether the client that speaks the dialect may send the code of a live challenge again without naming the challenge. */
  mayReuse(context: CallContext): boolean;
  /** The policy that applies to calls of the client. Throws CLIENT_UNKNOWN if the client does not speak the dialect. */
  policyOf(context: CallContext): Policy;
  /** Adds routes whose bodies are forms instead of JSON. A body is an object of texts, without the parameters that have no value. */
  withForms(app: DialectApp, addRoutes: (app: DialectApp) => void): void;
  /** The public keys, as JSON text of a JWK set, oldest first. */
  jwks(): string;
  /** The URL that callers reach the server by, without a slash at its end. */
  readonly issuer: string;
}

/** A vendor's paths. Each route calls methods of the API and can do nothing that those could not. */
export interface DialectDefinition {
  readonly dialect: Dialect;
  readonly title: string;
  /** The beginnings of its paths. */
  readonly prefixes: readonly string[];
  /** The content types whose bodies are JSON. Left out: `application/json`. */
  readonly jsonTypes?: RegExp;
  /**
   * The header in which the vendor's callers name a client, for calls without `x-latchkey-client`. A value that is no client id, such
   * as a key of the vendor, names none.
   */
  readonly clientHeader?: { readonly name: string; readonly isClientId: (value: string) => boolean };
  /** Left out: pages need nothing but JSON over GET and POST. */
  readonly cors?: CorsNeeds;
  /** The vendor's answer to a call that fails. */
  readonly toAnswer: (failure: Failure, request: FastifyRequest) => DialectAnswer;
  readonly addRoutes: (app: DialectApp, kit: DialectKit) => void;
}

/** Where the description of a dialect is served, as OpenAPI. */
export const descriptionPath = (dialect: Dialect): string => `/openapi/${dialect}.json`;

const formType = "application/x-www-form-urlencoded";

/** Makes a plugin with a body parser and an error shape of its own. */
export function dialectPlugin(definition: DialectDefinition, options: DialectOptions): FastifyPluginAsync {
  return async (plain: FastifyInstance) => {
    const app = plain.withTypeProvider<TypeBoxTypeProvider>() as unknown as DialectApp;
    app.addContentTypeParser(definition.jsonTypes ?? /^application\/json\b/i, async (request: FastifyRequest) =>
      parseJson(await readBody(request.raw, options.bodies)),
    );
    app.addHook("onRequest", async (_request, reply) => {
      reply.header("cache-control", "no-store");
    });
    app.setErrorHandler(async (error, request, reply) => await sendFailure(definition, error, { request, reply }));
    await app.register(swagger, { openapi: { openapi: "3.1.0", info: { title: definition.title, version: "1" } } });
    definition.addRoutes(app, createKit(definition, options));
    app.register((rest, _options, done) => {
      addUnknownPaths(
        rest,
        definition.prefixes.filter((one) => one.endsWith("/")),
      );
      done();
    });
    app.get(descriptionPath(definition.dialect), { schema: { hide: true } }, async () => app.swagger());
  };
}

/** Answers with what an error says, in the vendor's shape. */
export async function sendFailure(
  definition: Pick<DialectDefinition, "toAnswer">,
  error: unknown,
  { request, reply }: { readonly request: FastifyRequest; readonly reply: FastifyReply },
): Promise<FastifyReply> {
  const failure = failureOf(error);
  // The rest of a body that is too large is not read, so the connection can carry no further request.
  if (failure.status === 413 && "shouldKeepAlive" in reply.raw) reply.raw.shouldKeepAlive = false;
  const { status, body, headers = {} } = definition.toAnswer(failure, request);
  if (failure.retryAfter !== null) reply.header("retry-after", failure.retryAfter);
  return await reply.code(status).headers(headers).send(body);
}

/** Whatever the body of a call of an unknown path is, the answer says that there is no such path. */
function addUnknownPaths(app: FastifyInstance, prefixes: readonly string[]): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", async () => undefined);
  for (const prefix of prefixes) {
    app.all(`${prefix}*`, { schema: { hide: true } }, async () => {
      throw noPath();
    });
  }
}

function createKit({ dialect, clientHeader }: DialectDefinition, options: DialectOptions): DialectKit {
  const { directory } = options;
  const door = `dialect_${dialect}` as const;
  const context = (request: FastifyRequest, reply: FastifyReply): CallContext => {
    const found = { ...contextOf(request.raw, reply.raw, options), door };
    if (clientHeader === undefined || found.clientIds.length > 0) return found;
    return { ...found, clientIds: headerValues(request.raw, clientHeader.name).filter(clientHeader.isClientId) };
  };
  const asBackend: DialectKit["asBackend"] = (request, reply) => {
    const found = context(request, reply);
    if (found.authorization.length === 0) throw noCredentials();
    return { ...found, clientIds: [], backendOnly: true };
  };
  return {
    method(method) {
      const served = servedMethod(options.services, method);
      if (served === undefined) throw new Error(`${method.parent.typeName}.${method.name} is not served`);
      return served;
    },
    asSpeaker(request, reply) {
      const found = { ...context(request, reply), authorization: [] };
      const [named] = found.clientIds;
      const speaker =
        named === undefined
          ? directory.speakerOf(dialect, { host: hostOf(request), origin: found.origin })
          : directory.find(named);
      if (speaker === null && named === undefined) throw noSpeaker(dialect);
      if (speaker === null) return found;
      const ownPage = isOwnPage(request, { client: speaker.client, origin: found.origin, secure: options.secure });
      return named === undefined ? { ...found, ownPage, clientIds: [speaker.client.clientId] } : { ...found, ownPage };
    },
    cookie: (request, reply, name) => sessionCookieOf(request.raw, reply.raw, { name, secure: options.secure }),
    asCaller(request, reply) {
      const found = context(request, reply);
      const { origin } = found;
      const client = origin === undefined ? undefined : namedClient(directory, found)?.client;
      return client === undefined
        ? found
        : { ...found, ownPage: isOwnPage(request, { client, origin, secure: options.secure }) };
    },
    asBackend,
    withForms(app, addRoutes) {
      app.register(async (plain) => {
        plain.removeAllContentTypeParsers();
        plain.addContentTypeParser(formType, async (request: FastifyRequest) =>
          Object.fromEntries(parseForm(await readBody(request.raw, options.bodies))),
        );
        addRoutes(plain as unknown as DialectApp);
      });
    },
    clientOf: (context) => namedClient(directory, context),
    find: (clientId) => directory.find(clientId),
    mayReuse: ({ clientIds: [clientId] }) =>
      clientId !== undefined && directory.find(clientId)?.client.verifyByIdentifier === true,
    policyOf({ clientIds: [clientId] }) {
      const registered = clientId === undefined ? null : directory.find(clientId);
      if (registered?.client.dialects.includes(dialect) !== true) {
        throw new RouteError("CLIENT_UNKNOWN", `The client is unknown, or does not speak ${dialect}.`);
      }
      return directory.appIn(dialect, registered.app).policy;
    },
    jwks: options.jwks,
    issuer: options.issuer.replace(/\/$/, ""),
  };
}

/** An empty body is none. Throws a `SyntaxError` for a text that is not JSON, and a `BodyError` for one that no message can hold. */
function parseJson(text: string): unknown {
  if (text.trim() === "") return undefined;
  const value: unknown = JSON.parse(text);
  if (/__proto__|\\u/.test(text) && isUnsafe(value)) {
    throw new BodyError(400, "The body has the key __proto__ or a text that is not Unicode.");
  }
  return value;
}

/** What Connect's decoding refuses as well. Without recursion, because a body may be nested thousands of levels deep. */
function isUnsafe(value: unknown): boolean {
  const open = [value];
  while (open.length > 0) {
    const next = open.pop();
    if (typeof next === "string" && /\p{Surrogate}/u.test(next)) return true;
    if (typeof next !== "object" || next === null) continue;
    if (Object.hasOwn(next, "__proto__")) return true;
    open.push(...Object.keys(next), ...Object.values(next));
  }
  return false;
}
