import { type DescFile, type DescMethod, getOption, hasOption } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { access, Caller } from "../gen/latchkey/v1/access_pb.js";
import { commentOf } from "./comments.js";
import { errorResponses, errorSchemas } from "./errors.js";
import { createSchemas, type Json } from "./schemas.js";

const about = `Signs users in with one-time codes. This document describes the Connect protocol with JSON: every method is a POST of a JSON
object to /<service>/<method>. The same methods are served as gRPC and gRPC-Web.`;

/** The OpenAPI 3.1 document of every service in the files. It has no servers: the server that serves it names itself. */
export function describeApi(files: readonly DescFile[]): Json {
  const schemas = createSchemas();
  const services = files.flatMap((file) => file.services);
  const methods = services.flatMap((service) => service.methods);
  const paths = methods.map((method) => [`/${method.parent.typeName}/${method.name}`, pathOf(method, schemas)]);
  const reasons = files.flatMap((file) => file.enums).find(({ name }) => name === "ErrorReason");
  if (reasons === undefined) throw new Error("no file declares ErrorReason");
  return {
    openapi: "3.1.0",
    info: {
      title: "Latchkey",
      version: "v1",
      description: about.replaceAll("\n", " "),
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    tags: services.map((service) => ({ name: service.name, description: commentOf(service) })),
    paths: Object.fromEntries(paths),
    components: {
      schemas: { ...schemas.all(), ...errorSchemas(reasons) },
      parameters,
      securitySchemes: {
        accessToken: {
          type: "http",
          scheme: "bearer",
          bearerFormat: "JWT",
          description: "The access token of a signed-in user.",
        },
        sessionCookie: {
          type: "apiKey",
          in: "cookie",
          name: "__Host-latchkey",
          description: "The session of a signed-in user. It counts only with the header x-latchkey-session.",
        },
        clientToken: {
          type: "http",
          scheme: "bearer",
          bearerFormat: "JWT",
          description: "The token of a confidential client.",
        },
        clientSecret: {
          type: "http",
          scheme: "basic",
          description: "The id and the secret of a confidential client (RFC 6749 section 2.3.1).",
        },
      },
    },
  };
}

const parameters: Json = {
  protocolVersion: {
    name: "connect-protocol-version",
    in: "header",
    required: true,
    description: "The version of the Connect protocol.",
    schema: { const: "1" },
  },
  client: {
    name: "x-latchkey-client",
    in: "header",
    description: "The id of the calling client. Required if the deployment has no default client.",
    schema: { type: "string" },
    example: "default-web",
  },
  session: {
    name: "x-latchkey-session",
    in: "header",
    description: "`cookie`: the session is in the session cookie. A sign-in then sets the cookie and returns no tokens.",
    schema: { const: "cookie" },
  },
  endUserAddress: {
    name: "x-latchkey-end-user-ip",
    in: "header",
    description: "The network address of the end user, from confidential clients. The limits then count by it.",
    schema: { type: "string" },
    example: "192.0.2.1",
  },
  timeout: {
    name: "connect-timeout-ms",
    in: "header",
    description: "How long the caller waits, in milliseconds. The server waits 10,000 at most.",
    schema: { type: "string", pattern: "^[0-9]{1,10}$" },
  },
};

function pathOf(method: DescMethod, schemas: ReturnType<typeof createSchemas>): Json {
  const rule = hasOption(method, access) ? getOption(method, access) : undefined;
  if (rule === undefined || rule.caller === Caller.UNSPECIFIED) throw new Error(`${method.name} declares no access rule`);
  const description = commentOf(method);
  const operation = {
    tags: [method.parent.name],
    summary: description.split(/(?<=\.)\s/, 1)[0],
    description,
    security: securityOf(rule.caller),
    responses: {
      200: { description: "The call succeeded.", content: jsonOf(schemas.refTo(method.output)) },
      ...errorResponses(),
    },
  };
  const common = parametersOf(rule.caller).map(ref);
  const post = {
    ...operation,
    operationId: method.name,
    parameters: [ref("protocolVersion"), ...common],
    requestBody: { required: true, content: jsonOf(schemas.refTo(method.input)) },
  };
  if (method.idempotency !== MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS) return { post };
  const get = { ...operation, operationId: `${method.name}ByGet`, parameters: [...queryOf(method, schemas), ...common] };
  return { get, post };
}

function parametersOf(caller: Caller): (keyof typeof parameters)[] {
  const isForClients = caller === Caller.CLIENT || caller === Caller.CONFIDENTIAL_CLIENT || caller === Caller.TOKEN_HOLDER;
  return ["client", "session", ...(isForClients ? ["endUserAddress"] : []), "timeout"];
}

function securityOf(caller: Caller): Json[] {
  if (caller === Caller.USER) return [{ accessToken: [] }, { sessionCookie: [] }];
  const confidential = [{ clientToken: [] }, { clientSecret: [] }];
  if (caller === Caller.CONFIDENTIAL_CLIENT) return confidential;
  if (caller === Caller.TOKEN_HOLDER) return [{}, { sessionCookie: [] }, ...confidential];
  if (caller === Caller.ANY) return [{}, { clientSecret: [] }];
  return caller === Caller.CLIENT ? [{}, { accessToken: [] }, ...confidential] : [];
}

/** Connect's GET puts the message and the version of the protocol into the query. */
function queryOf(method: DescMethod, schemas: ReturnType<typeof createSchemas>): Json[] {
  return [
    { name: "connect", in: "query", required: true, schema: { const: "v1" } },
    { name: "encoding", in: "query", required: true, schema: { const: "json" } },
    { name: "message", in: "query", required: true, content: jsonOf(schemas.refTo(method.input)) },
  ];
}

function ref(parameter: string): Json {
  return { $ref: `#/components/parameters/${parameter}` };
}

function jsonOf(schema: Json): Json {
  return { "application/json": { schema } };
}
