import type { NewUser } from "../model/user.js";
import type { Deps } from "./deps.js";

/** The profile that a pending registration keeps sealed until its contacts are proven. */
export type Profile = Omit<NewUser, "userId">;

/** Opens a sealed profile. Returns null if it belongs to another registration, or if its master key is no longer configured. */
export function openProfile(
  deps: Deps,
  { registrationId, sealedProfile }: { readonly registrationId: string; readonly sealedProfile: Uint8Array },
): Profile | null {
  const opened = deps.sealer.open("profile", sealedProfile, registrationId);
  return opened === null ? null : (JSON.parse(opened.toString()) as Profile);
}
