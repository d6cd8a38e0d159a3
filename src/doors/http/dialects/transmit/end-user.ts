import type { Static } from "typebox";
import type { CallContext } from "../../../../rpc/call-context.js";
import type { clientAttributes } from "./schemas.js";

/** Returns the context with the address of the end user, if the body has it and the headers do not. */
export function withEndUser(
  context: CallContext,
  { client_attributes: end = {} }: { readonly client_attributes?: Static<typeof clientAttributes> },
): CallContext {
  if (end.ip_address === undefined || context.endUserIps.length > 0) return context;
  return { ...context, endUserIps: [end.ip_address] };
}
