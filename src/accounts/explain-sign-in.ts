import type { Actor } from "../apps/actor.js";
import { guessesKey } from "../auth/budgets.js";
import { invalidField } from "../auth/errors.js";
import { canonicalAddress } from "../lib/network.js";
import type { App } from "../model/app.js";
import { channelOf, reaches } from "../model/channel.js";
import type { Contact } from "../model/contact.js";
import { countryRefusal } from "../model/phone-number.js";
import { testIdentifierOf } from "../model/test-identifier.js";
import { contactFailuresMax, type Member, type MemberKey, type UserContact } from "../model/user.js";
import type { Recipient } from "../store/port/challenges.js";
import type { FoundUser } from "../store/port/users.js";
import { clientOfApp } from "./client-of-app.js";
import { type AccountsDeps, appFor } from "./deps.js";
import { canonicalKey } from "./get-user.js";
import { type Obstacle, obstacle } from "./obstacles.js";
import { limitObstacles } from "./sign-in-limits.js";

export interface ExplainSignInInput {
  /** Empty: the app of the actor. */
  readonly appId: string;
  /** As the caller wrote it. */
  readonly key: MemberKey;
  /** The client that the user signs in with. Empty: that of the actor. Read only with `endUserIp`. */
  readonly clientId: string;
  /** Empty: only limits that count all addresses are looked at. */
  readonly endUserIp: string;
}

export interface SignInExplanation {
  /** Everything that stands in the way. Those with a contact stand in the way of that contact alone. */
  readonly obstacles: readonly Obstacle[];
  /** Null: the app has no such user. */
  readonly member: Member | null;
}

/**
 * Returns everything that keeps a person from signing in to the app now. A contact is looked at alone, any other key with all
 * contacts of the user. Sends and changes nothing.
 */
export async function explainSignIn(deps: AccountsDeps, actor: Actor, input: ExplainSignInInput): Promise<SignInExplanation> {
  const app = await appFor(deps, actor, input.appId);
  const key = canonicalKey(app, input.key);
  const requesterKey = await requesterOf(deps, actor, { app, ...input });
  const ofApp = await appObstacles(deps, app);
  const found = await findNamed(deps, app, key);
  if (found === null || found.membership === null) {
    const claimant = found === null ? null : await claimantOf(deps, app, key);
    if (claimant !== null) return { obstacles: [...ofApp, obstacle("contact_of_another", claimant)], member: claimant.member };
    const known = found !== null && actor.scopes.has("operator");
    const covered = isContactKey(key) ? coveredBy(deps, app, key) : [];
    return { obstacles: [...ofApp, obstacle(known ? "no_membership" : "no_such_user"), ...covered], member: null };
  }
  const member = { user: found.user, membership: found.membership };
  const looked = await contactObstacles(deps, app, { member, key });
  return {
    obstacles: [
      ...ofApp,
      ...(member.membership.state === "locked" ? [obstacle("locked")] : []),
      ...(member.membership.credentialType === "none" ? [obstacle("credential_none")] : []),
      ...looked,
      ...(await limitObstacles(deps, app, { user: member.user, key, requesterKey })),
    ],
    member,
  };
}

/** Returns the obstacle of a contact that a test identifier of the app covers, as a list. */
function coveredBy({ clock }: AccountsDeps, app: App, contact: Contact): readonly Obstacle[] {
  const test = testIdentifierOf(app.testIdentifiers, contact, clock());
  return test === null ? [] : [obstacle("test_identifier", { contact, until: test.endsAt })];
}

async function appObstacles({ store }: AccountsDeps, { appId, policy }: App): Promise<readonly Obstacle[]> {
  const record = await store.apps.findApp(appId);
  return [
    ...(record?.state === "archived" ? [obstacle("app_archived")] : []),
    ...(policy.codeSignIn ? [] : [obstacle("sign_in_off")]),
  ];
}

async function contactObstacles(
  deps: AccountsDeps,
  app: App,
  { member, key }: { readonly member: Member; readonly key: MemberKey },
): Promise<readonly Obstacle[]> {
  const { contacts } = member.user;
  const looked = contacts.filter(({ kind, value }) => !isContactKey(key) || (kind === key.kind && value === key.value));
  const obstacles: Obstacle[] = [];
  let usable = 0;
  for (const contact of looked) {
    const isTest = member.membership.credentialType === "test";
    const covered = coveredBy(deps, app, contact);
    const why = isTest
      ? await testObstacle(deps, app, { member, contact, isCovered: covered.length > 0 })
      : await claimObstacle(deps, app, { member, contact });
    if (why === null) usable += 1;
    else obstacles.push(why);
    if (!isTest) obstacles.push(...covered);
    if (!reaches(app.policy.channels, contact.kind)) obstacles.push(obstacle("channel_off", { contact }));
    if (countryRefusal(app.policy, contact) !== null) obstacles.push(obstacle("country_off", { contact }));
  }
  const keys = looked.map((contact) => guessesKey(deps.lookup.identifier(app.poolId, contact)));
  const failures = keys.length === 0 ? [] : await deps.store.budgets.countFailures({ keys, now: deps.clock() });
  looked.forEach((contact, index) => {
    if (failures[index]! >= contactFailuresMax) obstacles.push(obstacle("contact_disabled", { contact }));
  });
  return usable === 0 && !isContactKey(key) ? [obstacle("no_contact"), ...obstacles] : obstacles;
}

function isContactKey(key: MemberKey): key is Contact {
  return key.kind === "email" || key.kind === "phone";
}

/** Returns why no test code for a contact signs this test account in, or null if one does. */
async function testObstacle(
  { store }: AccountsDeps,
  { poolId, appId }: App,
  given: { readonly member: Member; readonly contact: UserContact; readonly isCovered: boolean },
): Promise<Obstacle | null> {
  const { member, contact, isCovered } = given;
  if (!isCovered) return obstacle("test_account", { contact });
  const holder = await store.users.findTestHolder({ poolId, appId, contact });
  const isOwn = holder.kind === "test" && holder.userId === member.user.userId;
  return isOwn ? null : obstacle("contact_of_another", { contact });
}

/** Returns why a code to an unverified contact does not sign this person in, or null if it does. */
async function claimObstacle(
  deps: AccountsDeps,
  app: App,
  { member, contact }: { readonly member: Member; readonly contact: UserContact },
): Promise<Obstacle | null> {
  // Without a credential no claim has effect. That is an obstacle of its own.
  if (contact.verifiedAt !== null || member.membership.credentialType !== "otp") return null;
  const recipient = await recipientOf(deps, app, contact);
  if (recipient === null) return obstacle("contact_unproven", { contact });
  return recipient.userId === member.user.userId ? null : obstacle("contact_of_another", { contact });
}

/**
 * Finds the person that a key names at a sign-in. Of several users with one unverified contact it is the one that a code signs in.
 */
async function findNamed(deps: AccountsDeps, app: App, key: MemberKey): Promise<FoundUser | null> {
  const { poolId, appId } = app;
  const { users } = deps.store;
  if (!isContactKey(key)) return await users.find({ poolId, appId, key });
  const byId = (userId: string) => users.find({ poolId, appId, key: { kind: "user_id", value: userId } });
  const recipient = await recipientOf(deps, app, key);
  if (recipient !== null) return await byId(recipient.userId);
  const found = await users.find({ poolId, appId, key });
  if (found !== null) return found;
  const holder = await users.findTestHolder({ poolId, appId, contact: key });
  return holder.kind === "test" ? await byId(holder.userId) : null;
}

/** Asks what SendOtp would: the person that a code to the contact signs in. */
async function recipientOf(deps: AccountsDeps, app: App, { kind, value }: Contact): Promise<Recipient | null> {
  const { poolId, appId, policy } = app;
  const prepared = await deps.store.challenges.prepareSend({
    idempotency: null,
    recipientOf: { identifier: { kind, value }, channel: channelOf[kind], poolId, appId, trustClaims: policy.trustClaims },
    guards: [],
    now: deps.clock(),
  });
  return prepared.kind === "ready" ? prepared.recipient : null;
}

/** Returns the user for whom the app has given a contact that a person of other apps has verified, or null. */
async function claimantOf(
  { store }: AccountsDeps,
  { poolId, appId }: App,
  key: MemberKey,
): Promise<{ readonly member: Member; readonly contact: UserContact } | null> {
  if (!isContactKey(key)) return null;
  const prefix = { field: key.kind, text: key.value };
  const { members } = await store.users.list({ poolId, appId, prefix, after: "", limit: 1 });
  const [member] = members;
  const contact = member?.user.contacts.find(({ kind, value }) => kind === key.kind && value === key.value);
  return member === undefined || contact === undefined ? null : { member, contact };
}

/** Returns null if the call names no address. */
async function requesterOf(
  deps: AccountsDeps,
  actor: Actor,
  { app, clientId, endUserIp }: ExplainSignInInput & { readonly app: App },
): Promise<Uint8Array | null> {
  if (endUserIp === "") return null;
  const address = canonicalAddress(endUserIp);
  if (address === null) throw invalidField("end_user_ip", "must be one IPv4 or IPv6 address");
  const client = await clientOfApp(deps, actor, { app, clientId, role: "the user signs in with" });
  const backendId = client.kind === "confidential" ? client.clientId : null;
  return deps.lookup.requester({ poolId: app.poolId, backendId, address });
}
