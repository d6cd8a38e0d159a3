import type { ChallengeLife } from "../../model/challenge-state.js";
import type { ContactKind } from "../../model/contact.js";
import type { EpochMs } from "../../model/time.js";
import type { User } from "../../model/user.js";
import type { BudgetReturn, SendReturn } from "../port/budgets.js";
import * as people from "../shared/person-rows.js";
import * as shared from "../shared/rows.js";

export interface ChallengeRow extends shared.ChallengeRow {
  decoy: number;
  is_test: number;
  resends: string;
}

/** The columns of a challenge `c` except the sealed code, which only the outbox reads. */
export const challengeColumns = `${shared.challengeColumns("c")}, c.resends`;

export function lifeOf(row: Pick<ChallengeRow, "client_id" | "expires_at" | "consumed_at" | "cancelled_at">): ChallengeLife {
  return {
    clientId: row.client_id,
    expiresAt: row.expires_at,
    consumedAt: row.consumed_at,
    cancelledAt: row.cancelled_at,
  };
}

/** A send that a challenge was charged for. */
interface ChargedSend {
  readonly at: EpochMs;
  readonly requesterKey: Uint8Array;
}

type SendsRow = Pick<ChallengeRow, "created_at" | "budget_key" | "requester_key" | "resends">;

/** The sends of a challenge, oldest first. */
export function sendsOf(row: SendsRow): ChargedSend[] {
  return [{ at: row.created_at, requesterKey: row.requester_key }, ...parseResends(row.resends)];
}

/** The units that the sends of a challenge give back, oldest first. */
export function returnsOfSends(row: SendsRow, rules: readonly SendReturn[]): BudgetReturn[] {
  return sendsOf(row).flatMap(({ at, requesterKey }) =>
    rules.map(({ keyPrefix, ofRequester, holdMs }) => ({
      key: Buffer.concat([keyPrefix, row.budget_key, ...(ofRequester ? [requesterKey] : [])]),
      spentAt: at,
      ...(holdMs === undefined ? {} : { holdUntil: at + holdMs }),
    })),
  );
}

/**
 * Appends a resend. Resends are a JSON array of `[time, requester in base64url]`. There are at most four, and most challenges
 * have none.
 */
export function appendResend(resends: string, { at, requesterKey }: ChargedSend): string {
  return JSON.stringify([...(JSON.parse(resends) as unknown[]), [at, Buffer.from(requesterKey).toString("base64url")]]);
}

function parseResends(resends: string): ChargedSend[] {
  if (resends === "[]") return [];
  return (JSON.parse(resends) as [EpochMs, string][]).map(([at, requester]) => ({
    at,
    requesterKey: Buffer.from(requester, "base64url"),
  }));
}

export interface UserRow extends people.UserRow {
  /** JSON array of `[kind, value, verified_at]`. */
  contacts: string;
  /** JSON array of `[kind, value, created_at]`, in any order. */
  claims: string;
}

/**
 * The columns of a user `u` with the verified contacts and the claims of an app, so that one statement reads the whole user.
 * `appId` is a parameter or a column. By default SQLite would look at all claims of the app, so the index is named.
 */
export const userColumns = (appId: string) => `${people.userColumns("u")}, (
    SELECT json_group_array(json_array(o.kind, o.value, o.verified_at) ORDER BY o.rank, o.kind)
    FROM contacts o WHERE o.user_id = u.user_id) AS contacts, (
    SELECT json_group_array(json_array(l.kind, l.value, l.created_at))
    FROM claims l INDEXED BY claims_by_user WHERE l.user_id = u.user_id AND l.app_id = ${appId}) AS claims`;

/** Most users have no claims. Sorting here instead of in SQL spares them the sorter. */
function claimsOf(json: string): people.ContactColumns[] {
  const claims = JSON.parse(json) as [kind: ContactKind, value: string, createdAt: EpochMs][];
  return claims.sort((a, b) => a[2] - b[2] || (a[0] < b[0] ? -1 : 1)).map(([kind, value]) => [kind, value, null]);
}

export function toUser(row: UserRow): User {
  const contacts = JSON.parse(row.contacts) as people.ContactColumns[];
  return people.toUser(row, row.display_name, row.claims === "[]" ? contacts : contacts.concat(claimsOf(row.claims)));
}
