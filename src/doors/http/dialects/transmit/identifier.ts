import { createHash } from "node:crypto";
import type { Static } from "typebox";
import { UserService } from "../../../../gen/latchkey/v1/user_service_pb.js";
import type { CallContext } from "../../../../rpc/call-context.js";
import { refusalOf } from "../../call.js";
import type { DialectKit } from "../dialect.js";
import type { identifierType } from "./schemas.js";

/** An identifier as SendOtp and VerifyOtp take it. */
export interface Identifier {
  readonly case: "email" | "phone" | "username" | "userId";
  readonly value: string;
}

export interface Named {
  readonly identifier_type: Static<typeof identifierType>;
  readonly identifier: string;
}

const cases = { email: "email", phone_number: "phone", username: "username", user_id: "userId" } as const;

/**
 * Returns how the API names the user of a request. The type `custom` is the external id, which is looked up as the caller, and so is
 * a user id of Transmit's own form: an import keeps it as the external id.
 */
export function createIdentify(kit: DialectKit): (context: CallContext, named: Named) => Promise<Identifier> {
  const getUser = kit.method(UserService.method.getUser);

  async function idOf(context: CallContext, externalId: string): Promise<string> {
    try {
      const { user } = await getUser(context, { key: { case: "externalId", value: externalId } });
      return user!.userId;
    } catch (error) {
      if (refusalOf(error)?.reason === "USER_NOT_FOUND") return unknownId(externalId);
      throw error;
    }
  }

  return async (context, { identifier_type, identifier }) =>
    identifier_type === "custom" || (identifier_type === "user_id" && !isUuid(identifier))
      ? { case: "userId", value: await idOf(context, identifier) }
      : { case: cases[identifier_type], value: identifier };
}

export function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);
}

/** An id that no user has, the same for each external id. So a code for an unknown one is sent and checked like any other. */
function unknownId(externalId: string): string {
  const hex = createHash("sha256").update(`transmit ${externalId}`).digest("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join("-");
}
