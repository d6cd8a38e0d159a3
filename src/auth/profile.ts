import type { NewUser } from "../store/store.js";
import type { Deps } from "./deps.js";

/** What a pending registration keeps, sealed, until its contacts are proven. */
export type Profile = Omit<NewUser, "userId">;

/** Opens a sealed profile; throws when it does not belong to its registration. */
export function openProfile(deps: Deps, registration: { registrationId: string; sealedProfile: Uint8Array }): Profile {
  const opened = deps.sealer.open("profile", registration.sealedProfile, registration.registrationId);
  if (opened === null) throw new Error(`the profile of registration ${registration.registrationId} does not open`);
  return JSON.parse(opened.toString()) as Profile;
}
