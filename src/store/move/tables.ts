import type { TargetRow, TargetTable } from "../postgres/move-in.js";
import { hex, sweepAt } from "../postgres/parameters.js";
import { escapeNul } from "../shared/texts.js";
import type { Outcome } from "../sqlite/idempotency.js";
import type { SourceRow } from "../sqlite/move-out.js";

/** A table of both engines. */
export interface MovedTable extends TargetTable {
  /** Returns the columns that only PostgreSQL has or stores in another form. Columns that only SQLite has are undefined. */
  readonly changed?: (row: never) => TargetRow;
}

/** Row counts of a table in both databases. */
export interface TableCount {
  readonly table: string;
  readonly source: number;
  readonly target: number;
}

const hourMs = 60 * 60_000;
const dayMs = 24 * hourMs;

/**
 * The tables that are moved, in this order. `send_locks` is left out: only PostgreSQL has it, and its rows are created on
 * demand. `clock_mark` is left out: it belongs to one machine's clock. `processes` is left out: a process that serves the moved database
 * writes its own row.
 */
export const movedTables: readonly MovedTable[] = [
  // First, because the tables are locked in this order: changes of the directory lock this one before they write to others.
  { name: "directory", key: ["only_row"], initial: "revision = 1 AND settings_imported_at IS NULL" },
  { name: "key_checks", key: ["use", "key_id"] },
  { name: "keys", key: ["key_id"] },
  { name: "pools", key: ["pool_id"], initial: "pool_id = 'main'" },
  { name: "apps", key: ["app_id"], initial: "app_id = 'default' AND revision = 1" },
  {
    name: "clients",
    key: ["client_id"],
    changed: (row: { verify_by_identifier: number; is_default: number }) => ({
      verify_by_identifier: row.verify_by_identifier === 1,
      is_default: row.is_default === 1,
    }),
  },
  { name: "client_aliases", key: ["alias"] },
  { name: "client_secrets", key: ["secret_id"] },
  { name: "client_assertions", key: ["client_id", "jti"] },
  { name: "directory_deletions", key: ["kind", "id"] },
  {
    name: "users",
    key: ["user_id"],
    changed: (row: { display_name: string }) => ({ display_name: escapeNul(row.display_name) }),
  },
  { name: "contacts", key: ["pool_id", "kind", "value"] },
  { name: "claims", key: ["app_id", "kind", "value", "user_id"] },
  {
    name: "memberships",
    key: ["user_id", "app_id"],
    changed: (row: { kind: string; owner_organization: string; external_id: string | null }) => ({
      kind: escapeNul(row.kind),
      owner_organization: escapeNul(row.owner_organization),
      external_id: row.external_id === null ? null : escapeNul(row.external_id),
    }),
  },
  {
    name: "contact_changes",
    key: ["change_id"],
    changed: (row: { was_replaced: number }) => ({ was_replaced: row.was_replaced === 1 }),
  },
  {
    name: "sessions",
    key: ["session_id"],
    changed: (row: { idle_expires_at: number }) => ({ sweep_at: sweepAt(row.idle_expires_at) }),
  },
  {
    name: "budgets",
    key: ["key"],
    changed: (row: { spent: string; counts: string | null; expires_at: number }) => ({
      spent: JSON.parse(row.spent) as number[],
      counts: row.counts === null ? null : (JSON.parse(row.counts) as number[]),
      expires_at: roundedUp(row.expires_at, hourMs),
    }),
  },
  {
    name: "lockouts",
    key: ["key"],
    changed: (row: { expires_at: number }) => ({ expires_at: roundedUp(row.expires_at, dayMs) }),
  },
  { name: "registrations", key: ["registration_id"] },
  { name: "challenges", key: ["challenge_id"], changed: challengeOf },
  { name: "outbox", key: ["outbox_id"], changed: waitingOf },
  { name: "outbox_later", key: ["outbox_id"], changed: waitingOf },
  {
    name: "messages",
    key: ["message_id"],
    changed: (row: { tries: string; awaits_redemption: number }) => ({
      tries: JSON.parse(row.tries) as unknown,
      awaits_redemption: row.awaits_redemption === 1,
    }),
  },
  { name: "message_reports", key: ["provider", "reference", "provider_message_id", "status"] },
  { name: "message_forwards", key: ["forward_id"] },
  { name: "route_health", key: ["provider", "channel", "country"] },
  { name: "route_judging", key: ["only_row"] },
  { name: "idempotency", key: ["mac"], changed: rememberedCallOf },
];

/** Rounds an expiry that only the sweep uses, as the engine does. */
function roundedUp(expiresAt: number, stepMs: number): number {
  return (Math.floor(expiresAt / stepMs) + 1) * stepMs;
}

export function toTargetRow({ changed }: MovedTable, row: SourceRow): TargetRow {
  const target: Record<string, unknown> = {};
  for (const [column, value] of Object.entries(row)) target[column] = Buffer.isBuffer(value) ? hex(value) : value;
  return changed === undefined ? target : Object.assign(target, changed(row as never));
}

function challengeOf(row: { decoy: number; is_test: number; resends: string }): TargetRow {
  const resends = JSON.parse(row.resends) as [at: number, requester: string][];
  return {
    decoy: row.decoy === 1,
    is_test: row.is_test === 1,
    resends: undefined,
    resend_times: resends.map(([at]) => at),
    resend_requesters: resends.map(([, requester]) => hex(Buffer.from(requester, "base64url"))),
  };
}

function waitingOf(row: { muted: number }): TargetRow {
  return { muted: row.muted === 1 };
}

function rememberedCallOf(row: { outcome: string }): TargetRow {
  const outcome = JSON.parse(row.outcome) as Outcome;
  const redeemed = outcome.kind === "redeemed" ? outcome : null;
  return {
    outcome: undefined,
    kind: outcome.kind,
    challenge_ids: outcome.kind === "redeemed" ? [outcome.challengeId] : outcome.challengeIds,
    session_id: redeemed?.sessionId ?? null,
    user_id: redeemed?.userId ?? null,
    is_new_user: redeemed?.isNewUser ?? false,
    username_taken: redeemed?.usernameTaken ?? false,
    pending_sources: redeemed?.pendingSources ?? [],
  };
}
