import type { Actor } from "../apps/actor.js";
import type { App } from "../model/app.js";
import type { ContactKind } from "../model/contact.js";
import type { CredentialType, Member } from "../model/user.js";
import type { CreateOutcome, NewMember } from "../store/port/users.js";
import { type AccountsDeps, appFor, record } from "./deps.js";
import { checkNewMember, type MemberFields } from "./member-fields.js";
import { alreadyMember, goodOf, taken } from "./refusals.js";
import { withVerification } from "./verified-contacts.js";

/** The contacts of a request that creates a user, as the caller wrote them. Empty or undefined: none. */
export interface ContactFields {
  readonly email?: string;
  readonly phone?: string;
}

export interface CreateUserInput extends MemberFields, ContactFields {
  /** Empty: the app of the actor. */
  readonly appId: string;
  /** Undefined: `otp`. */
  readonly credentialType?: CredentialType | undefined;
  /** The kinds of the contacts that the actor has verified. */
  readonly verified?: readonly ContactKind[];
  readonly contactProofs?: readonly string[];
}

export interface CreatedUser {
  readonly member: Member;
  /** False: the pool had the person, who has joined the app. */
  readonly created: boolean;
}

/**
 * Creates a user, or joins a person of the pool to the app and changes nothing else. Of concurrent calls for one contact exactly
 * one creates the user. Throws ALREADY_EXISTS, with nothing changed.
 */
export async function createUser(deps: AccountsDeps, actor: Actor, input: CreateUserInput): Promise<CreatedUser> {
  const { appId, verified = [], contactProofs = [], email, phone, ...fields } = input;
  const app = await appFor(deps, actor, appId);
  const contacts = await withVerification(deps, actor, {
    app,
    input: { contacts: contactsIn({ email, phone }), marked: verified, proofs: contactProofs },
    proofField: "contact_proofs",
  });
  const outcome = await createOne(deps, app, goodOf(checkNewMember(app, { ...fields, contacts }, "active")));
  return createdUser(deps, actor, { app, outcome });
}

export function contactsIn({
  email = "",
  phone = "",
}: {
  readonly email?: string | undefined;
  readonly phone?: string | undefined;
}) {
  return [
    ...(email === "" ? [] : [{ kind: "email" as const, value: email }]),
    ...(phone === "" ? [] : [{ kind: "phone" as const, value: phone }]),
  ];
}

export async function createOne(deps: AccountsDeps, { poolId, appId }: App, member: NewMember): Promise<CreateOutcome> {
  const [outcome] = await deps.store.users.create({ poolId, appId, members: [member], now: deps.clock() });
  return outcome!;
}

/** Logs a creation or a join, and returns its user. Throws ALREADY_EXISTS if there was none. */
export function createdUser(
  deps: AccountsDeps,
  actor: Actor,
  { app, outcome }: { readonly app: App; readonly outcome: CreateOutcome },
): CreatedUser {
  if (outcome.kind === "already_member") throw alreadyMember(outcome.userId);
  if (outcome.kind === "taken") throw taken(outcome.field);
  const created = outcome.kind === "created";
  record(deps, actor, { act: created ? "user.create" : "user.join", app, user: outcome.member.user.number });
  return { member: outcome.member, created };
}
