import type { FastifyReply, FastifyRequest } from "fastify";
import type { CallContext } from "../../../../rpc/call-context.js";
import { namesApplication } from "../../../../rpc/named-client.js";
import type { DialectKit } from "../dialect.js";

/** The context of a call with Basic credentials, a token of Latchkey, or a JWT that the application signed. */
export function asApplication(kit: DialectKit, request: FastifyRequest, reply: FastifyReply): CallContext {
  const context = kit.asBackend(request, reply);
  const [header = ""] = context.authorization;
  const token = /^bearer +(\S+)$/i.exec(header)?.[1];
  if (context.authorization.length > 1 || token === undefined || !namesApplication(token)) return context;
  return { ...context, authorization: [], applicationToken: token };
}
