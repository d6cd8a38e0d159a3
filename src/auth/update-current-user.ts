import type { JsonObject } from "@bufbuild/protobuf";
import type { User } from "../store/store.js";
import { customAttributesText } from "./custom-attributes.js";
import type { Deps, UserCaller } from "./deps.js";
import { AuthError } from "./errors.js";

/** Fields that are undefined stay as they are; custom attributes are replaced as a whole, by null with nothing. */
export interface UpdateCurrentUserInput {
  readonly displayName: string | undefined;
  readonly locale: string | undefined;
  readonly customAttributes: JsonObject | null | undefined;
}

export async function updateCurrentUser(deps: Deps, caller: UserCaller, input: UpdateCurrentUserInput): Promise<User> {
  const { displayName, locale, customAttributes } = input;
  const user = await deps.store.updateUser({
    userId: caller.user.userId,
    displayName,
    locale,
    customAttributes: customAttributes === undefined ? undefined : customAttributesText(customAttributes ?? {}),
  });
  if (user === null) throw new AuthError("TOKEN_INVALID", { detail: "the user is gone" });
  return user;
}
