import type { Actor } from "../apps/actor.js";
import { AuthError, invalidField } from "../auth/errors.js";
import type { Idempotency } from "../auth/idempotency.js";
import { refuseCountry } from "../auth/refuse-country.js";
import { sendOtp } from "../auth/send-otp.js";
import type { App } from "../model/app.js";
import type { Caller } from "../model/caller.js";
import type { Challenge } from "../model/challenge.js";
import { type Channel, channelAmong, contactKindOf } from "../model/channel.js";
import type { Client } from "../model/client.js";
import { isContact } from "../model/identifier.js";
import type { Member, UserContact } from "../model/user.js";
import type { NewMember } from "../store/port/users.js";
import { clientOfApp } from "./client-of-app.js";
import { type ContactFields, type CreatedUser, contactsIn, createdUser, createOne } from "./create-user.js";
import { type AccountsDeps, appFor, record } from "./deps.js";
import { findMember } from "./get-user.js";
import { checkNewMember, type MemberFields } from "./member-fields.js";
import { alreadyMember, goodOf } from "./refusals.js";

export interface InviteUserInput extends MemberFields, ContactFields {
  /** Empty: the app of the actor. */
  readonly appId: string;
  /** Undefined: e-mail if there is an e-mail address, otherwise SMS. */
  readonly channel?: Channel | undefined;
  /** The client of the app that redeems the code. Empty: that of the actor. */
  readonly clientId: string;
  readonly idempotency: Idempotency;
}

export interface InvitedUser extends CreatedUser {
  readonly challenge: Challenge;
}

/**
 * Creates a user in the state invited, or joins a person of the pool in it, and sends a code by SendOtp's rules. A user that is
 * still invited gets another message. Throws ALREADY_EXISTS for any other user, REQUEST_INVALID for an invited one with the
 * credential type NONE or TEST, and what SendOtp throws. The user exists after an error of SendOtp, and a repeat sends the
 * message.
 */
export async function inviteUser(deps: AccountsDeps, actor: Actor, input: InviteUserInput): Promise<InvitedUser> {
  const { appId, email, phone, channel: wanted, clientId, idempotency, ...fields } = input;
  const app = await appFor(deps, actor, appId);
  // The challenge belongs to the client that redeems it.
  const client = await clientOfApp(deps, actor, { app, clientId, role: "redeems the code" });
  const channel = wanted ?? channelAmong(app.policy.channels, email ? "email" : "phone");
  refuseSending(app, channel);
  const contacts = contactsIn({ email, phone });
  if (contacts.length > 0 && !contacts.some(({ kind }) => kind === contactKindOf[channel])) {
    throw invalidField("channel", "does not reach a contact of the request");
  }
  const given = contacts.map((contact) => ({ ...contact, verifiedAt: null }));
  const newMember = goodOf(checkNewMember(app, { ...fields, contacts: given }, "invited"));
  for (const named of newMember.contacts) refuseCountry(app.policy, channel, named);
  const invited = await createOrFind(deps, actor, { app, newMember });
  const { member } = invited;
  refuseWithoutCredential(member, channel);
  const contact = contactFor(member, newMember, channel);
  const challenge = await sendOtp(deps, callerFor(actor, app, client), {
    recipient: contact,
    channel,
    purpose: "login",
    createUserIfMissing: false,
    reuseLive: false,
    code: { ttlMs: undefined, length: undefined, custom: undefined },
    locale: "",
    idempotency,
  });
  record(deps, actor, { act: "user.invite", app, user: member.user.number });
  return { ...invited, challenge };
}

/** Throws ALREADY_EXISTS for a user who is not invited any more. */
async function createOrFind(
  deps: AccountsDeps,
  actor: Actor,
  { app, newMember }: { readonly app: App; readonly newMember: NewMember },
): Promise<CreatedUser> {
  const outcome = await createOne(deps, app, newMember);
  if (outcome.kind !== "already_member") return createdUser(deps, actor, { app, outcome });
  const member = await findMember(deps, app, { kind: "user_id", value: outcome.userId });
  if (member.membership.state !== "invited") throw alreadyMember(outcome.userId);
  return { member, created: false };
}

/** Checked before the user is created. SendOtp checks it again. */
function refuseSending({ policy }: App, channel: Channel): void {
  if (!policy.codeSignIn) throw new AuthError("PURPOSE_NOT_ALLOWED", { detail: "sign-in by code is switched off" });
  if (!policy.channels.includes(channel)) throw new AuthError("CHANNEL_UNAVAILABLE", { detail: channel });
}

/** Only an import makes such invited members. A test account is one of them if its contact is verified. A code would be a decoy. */
function refuseWithoutCredential({ membership }: Member, channel: Channel): void {
  if (membership.credentialType === "otp") return;
  const description = `belongs to a user with the credential type ${membership.credentialType.toUpperCase()}, whom no invitation signs in: do not invite this user`;
  throw invalidField(contactKindOf[channel], description);
}

/** The contact of the request if the user has it, because a person of the pool keeps other contacts. */
function contactFor({ user }: Member, { contacts }: NewMember, channel: Channel): UserContact {
  const reachable = user.contacts.filter(({ kind }) => kind === contactKindOf[channel]);
  const asked = reachable.find(({ value }) => contacts.some((contact) => contact.value === value));
  const contact = asked ?? reachable[0];
  if (contact === undefined || !isContact(contact)) {
    throw new AuthError("CHANNEL_UNAVAILABLE", { detail: "the person has no contact that the channel reaches" });
  }
  return contact;
}

function callerFor({ scopes, source }: Actor, app: App, client: Client): Caller {
  const { address, userAgent, correlationId, signal } = source;
  const of = { client, app, policy: app.policy, confidential: true, hasOwnAddress: false, scopes, cookie: null };
  return { ...of, address, userAgent, correlationId, signal };
}
