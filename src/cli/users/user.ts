import { addContact, removeContact } from "../../accounts/contacts.js";
import { createUser } from "../../accounts/create-user.js";
import { inviteUser } from "../../accounts/invite-user.js";
import type { MemberFields } from "../../accounts/member-fields.js";
import { updateUser } from "../../accounts/update-user.js";
import type { Settings } from "../../config/settings.js";
import type { Channel } from "../../model/channel.js";
import type { ContactKind } from "../../model/contact.js";
import type { CredentialType } from "../../model/user.js";
import type { Json } from "../apps/app.js";
import { print, timeText } from "../apps/output.js";
import { parseList } from "../apps/parse.js";
import { CliError, type Io } from "../io.js";
import { contactIn } from "../messages/contact.js";
import { type Naming, theNamed } from "./named-user.js";
import { userFields } from "./output.js";
import { withAccounts } from "./with-accounts.js";

/** The options of `create`, `invite` and `update`. */
export interface UserOptions extends Json {
  readonly app: string;
  readonly username?: string;
  readonly name?: string;
  readonly locale?: string;
  readonly customAttributes?: string;
  readonly roles?: string;
  readonly kind?: string;
  readonly organization?: string;
  readonly externalId?: string;
  readonly appAttributes?: string;
}

export interface CreateOptions extends UserOptions {
  readonly email?: string;
  readonly phone?: string;
  readonly verified?: string;
  readonly credentialType?: CredentialType;
}

export interface InviteOptions extends UserOptions {
  readonly email?: string;
  readonly phone?: string;
  readonly channel?: Channel;
  readonly client: string;
}

export interface UpdateOptions extends UserOptions, Naming {
  readonly addContact?: string;
  readonly removeContact?: string;
  readonly verified?: boolean;
  readonly primary?: boolean;
}

export async function create(settings: Settings, options: CreateOptions, io: Io): Promise<void> {
  const { app: appId, email = "", phone = "", verified = "", credentialType } = options;
  const kinds = parseList(verified).map(contactKind);
  await withAccounts(settings, { appId, io }, async ({ deps, actor }) => {
    const input = { appId, email, phone, verified: kinds, credentialType, ...fieldsIn(options) };
    const { member, created } = await createUser(deps, actor, input);
    const { number, userId } = member.user;
    const line = created
      ? `Created the user ${number} (${userId}) of the app ${appId}.`
      : `The pool had the person already: user ${number} (${userId}) has joined the app ${appId}, and keeps profile and contacts.`;
    print(io, options, { ...userFields(member), created }, [line]);
  });
}

/** Queues the message. The running service sends it. */
export async function invite(settings: Settings, options: InviteOptions, io: Io): Promise<void> {
  const { app: appId, email = "", phone = "", channel, client: clientId } = options;
  await withAccounts(settings, { appId, io }, async ({ deps, actor }) => {
    const input = { appId, email, phone, channel, clientId, idempotency: null, ...fieldsIn(options) };
    const { member, created, challenge } = await inviteUser(deps, actor, input);
    const { number, userId } = member.user;
    const { challengeId, expiresAt } = challenge;
    print(io, options, { ...userFields(member), created, challenge_id: challengeId, expires_at: timeText(expiresAt) }, [
      `Invited the user ${number} (${userId}) to the app ${appId}. The running service sends the message.`,
      `The code of the challenge ${challengeId} is valid until ${timeText(expiresAt)}. A repeat sends a new one.`,
    ]);
  });
}

/** Changes fields first, then adds and removes the contacts, so that a user with one contact can get another. */
export async function update(settings: Settings, options: UpdateOptions, io: Io): Promise<void> {
  const { app: appId, addContact: added, removeContact: removed, verified = false, primary = false } = options;
  const changes = fieldsIn(options);
  if ((verified || primary) && added === undefined) {
    throw new CliError("--verified and --primary belong to --add-contact: name the contact with it.");
  }
  if (Object.keys(changes).length === 0 && added === undefined && removed === undefined) {
    throw new CliError("There is nothing to change: give at least one option.");
  }
  const contact = added === undefined ? null : contactIn("--add-contact", added);
  const oldContact = removed === undefined ? null : contactIn("--remove-contact", removed);
  await withAccounts(settings, { appId, io }, async (given) => {
    const { deps, actor } = given;
    let member = await theNamed(given, options);
    const target = { appId, userId: member.user.userId };
    if (Object.keys(changes).length > 0) member = await updateUser(deps, actor, { ...target, changes });
    if (contact !== null) member = await addContact(deps, actor, { ...target, contact, verified, contactProof: "", primary });
    if (oldContact !== null) member = await removeContact(deps, actor, { ...target, contact: oldContact });
    print(io, options, userFields(member), [`Changed the user ${member.user.number} of the app ${appId}.`]);
  });
}

function contactKind(text: string): ContactKind {
  if (text === "email" || text === "phone") return text;
  throw new CliError("--verified takes email, phone, or both with a comma between them.");
}

function fieldsIn(options: UserOptions): MemberFields {
  const { username, name, locale, customAttributes, roles, kind, organization, externalId, appAttributes } = options;
  return {
    ...(username !== undefined && { username }),
    ...(name !== undefined && { displayName: name }),
    ...(locale !== undefined && { locale }),
    ...(customAttributes !== undefined && { customAttributes: objectIn("--custom-attributes", customAttributes) }),
    ...(roles !== undefined && { roles: parseList(roles) }),
    ...(kind !== undefined && { kind }),
    ...(organization !== undefined && { ownerOrganization: organization }),
    ...(externalId !== undefined && { externalId }),
    ...(appAttributes !== undefined && { appAttributes: objectIn("--app-attributes", appAttributes) }),
  };
}

type Attributes = NonNullable<MemberFields["appAttributes"]>;

/** The message does not repeat the text, which may hold personal data. An empty text is no attributes. */
function objectIn(option: string, text: string): Attributes {
  try {
    const value: unknown = JSON.parse(text === "" ? "{}" : text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Attributes;
  } catch {
    // The refusal below says what is missing.
  }
  throw new CliError(`${option} takes a JSON object such as {"plan": "gold"}.`);
}
