import type { JsonObject } from "@bufbuild/protobuf";
import type { User } from "../store/store.js";
import type { Deps, UserCaller } from "./deps.js";

/** Fields that are undefined stay as they are. */
export interface UpdateCurrentUserInput {
  readonly displayName: string | undefined;
  readonly locale: string | undefined;
  readonly customAttributes: JsonObject | undefined;
}

export async function updateCurrentUser(_deps: Deps, _caller: UserCaller, _input: UpdateCurrentUserInput): Promise<User> {
  throw new Error("pending");
}
