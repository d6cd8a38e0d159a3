/** Rows of people and memberships as both engines store them. A column of only one engine is in that engine's `rows.ts`. */
import type { ContactKind } from "../../model/contact.js";
import type { EpochMs } from "../../model/time.js";
import type { CredentialType, MemberState, Membership, User } from "../../model/user.js";
import { columns } from "./columns.js";

/** A user read beside a session. Columns with the same name have the same value in both, except `created_at`. */
export interface UserRow {
  user_id: string;
  number: number;
  username: string | null;
  display_name: string;
  locale: string;
  custom_attributes: string;
  user_created_at: EpochMs;
}

/** Lists the columns of a user `of` except the contacts. */
export function userColumns(of: string): string {
  return `${of}.user_id, ${of}.number, ${of}.username, ${of}.display_name, ${of}.locale,
    ${of}.custom_attributes, ${of}.created_at AS user_created_at`;
}

export type ContactColumns = [kind: ContactKind, value: string, verifiedAt: EpochMs | null];

/** Takes the display name and the contacts separately, because each engine stores them in its own form. */
export function toUser(row: UserRow, displayName: string, contacts: readonly ContactColumns[]): User {
  return {
    userId: row.user_id,
    number: row.number,
    username: row.username,
    displayName,
    locale: row.locale,
    contacts: contacts.map(([kind, value, verifiedAt]) => ({ kind, value, verifiedAt })),
    customAttributes: row.custom_attributes,
    createdAt: row.user_created_at,
  };
}

export interface MembershipRow {
  app_id: string;
  /** JSON array of texts. */
  roles: string;
  kind: string;
  owner_organization: string;
  external_id: string | null;
  app_attributes: string;
  credential_type: CredentialType;
  state: MemberState;
  joined_at: EpochMs;
}

/** The columns of a membership `m`. */
export const membershipColumns = columns(
  "app_id roles kind owner_organization external_id app_attributes credential_type state joined_at",
  "m",
);

/** `readText` reads texts as the engine stores them. */
export function toMembership(row: MembershipRow, readText: (text: string) => string = (text) => text): Membership {
  return {
    appId: row.app_id,
    roles: JSON.parse(row.roles) as string[],
    kind: readText(row.kind),
    ownerOrganization: readText(row.owner_organization),
    externalId: row.external_id === null ? null : readText(row.external_id),
    appAttributes: row.app_attributes,
    credentialType: row.credential_type,
    state: row.state,
    joinedAt: row.joined_at,
  };
}
