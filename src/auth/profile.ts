import { randomId } from "../crypto/random.js";
import type { NewUser } from "../model/user.js";
import type { Deps } from "./deps.js";

/** The profile that a pending registration keeps sealed until its contacts are proven, or a sign-in that may create a user. */
export type Profile = Omit<NewUser, "userId">;

/** Makes a pending registration of a profile. */
export function sealProfile(
  { sealer }: Pick<Deps, "sealer">,
  profile: Profile,
): { readonly registrationId: string; readonly sealedProfile: Uint8Array } {
  const registrationId = randomId();
  return { registrationId, sealedProfile: sealer.seal("profile", Buffer.from(JSON.stringify(profile)), registrationId) };
}

/** Opens a sealed profile. Returns null if it belongs to another registration, or if its master key is no longer configured. */
export function openProfile(
  deps: Deps,
  { registrationId, sealedProfile }: { readonly registrationId: string; readonly sealedProfile: Uint8Array },
): Profile | null {
  const opened = deps.sealer.open("profile", sealedProfile, registrationId);
  return opened === null ? null : (JSON.parse(opened.toString()) as Profile);
}
