import { randomUUID } from "node:crypto";
import type { EpochMs } from "../../src/model/time.js";
import type { Member, NewMembership, NewUser } from "../../src/model/user.js";
import type { Store } from "../../src/store/port/store.js";

/** What a member has besides the defaults: no role, no attribute, signs in by codes, active. */
export type GivenMember = Partial<NewUser> &
  Partial<NewMembership> & {
    readonly email?: string;
    readonly phone?: string;
    /** Null, the default: codes have not verified the contacts. */
    readonly verifiedAt?: EpochMs | null;
  };

/** Creates a member as a backend does. A person whom the pool has already is joined. Throws if nothing was created or joined. */
export async function addMember(
  { users }: Pick<Store, "users">,
  app: { readonly appId: string; readonly poolId?: string; readonly now: EpochMs },
  given: GivenMember,
): Promise<Member> {
  const { appId, poolId = "main", now } = app;
  const { email, phone, verifiedAt = null } = given;
  const contacts = [
    ...(email === undefined ? [] : [{ kind: "email" as const, value: email, verifiedAt }]),
    ...(phone === undefined ? [] : [{ kind: "phone" as const, value: phone, verifiedAt }]),
  ];
  const { userId = randomUUID(), username = null, displayName = "", locale = "", customAttributes = "" } = given;
  const { roles = [], kind = "", ownerOrganization = "", externalId = null, appAttributes = "" } = given;
  const { credentialType = "otp", state = "active" } = given;
  const membership = { roles, kind, ownerOrganization, externalId, appAttributes, credentialType, state };
  const user = { userId, username, displayName, locale, customAttributes, number: null };
  const [outcome] = await users.create({ poolId, appId, members: [{ user, contacts, membership }], now });
  if (outcome?.kind !== "created" && outcome?.kind !== "joined") throw new Error(`no member: ${JSON.stringify(outcome)}`);
  return outcome.member;
}
