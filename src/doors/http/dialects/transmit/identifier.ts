import type { Static } from "typebox";
import { UserService } from "../../../../gen/latchkey/v1/user_service_pb.js";
import type { CallContext } from "../../../../rpc/call-context.js";
import { refusalOf } from "../../call.js";
import type { DialectKit } from "../dialect.js";
import { asUuid } from "../ids.js";
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
      // An id that no user has, the same for each external id: it gets a decoy.
      if (refusalOf(error)?.reason === "USER_NOT_FOUND") return asUuid(`transmit ${externalId}`);
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
