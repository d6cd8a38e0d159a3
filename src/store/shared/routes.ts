import type { Channel } from "../../model/channel.js";
import { type FailingRoute, judgedAfterMs, type RouteKey, routeName } from "../../model/route-health.js";
import type { EpochMs } from "../../model/time.js";
import type { RouteChange, Routes } from "../port/routes.js";
import { afterJudged, type RouteHealth } from "../rules/route-health.js";
import { type ColdDatabase, type Steps, sql } from "./cold-database.js";

interface TakenRow {
  message_id: number;
  sent_at: EpochMs;
  provider: string;
  channel: Channel;
  country: string;
  requester_key: Buffer;
  verified: number | boolean;
}

interface HealthRow {
  provider: string;
  channel: Channel;
  country: string;
  unverified: string;
  failing_since: EpochMs | null;
  verified: number;
  misses: number;
  probe_at: EpochMs;
}

/** Challenges are kept for an hour after they expire. What was missed for longer, such as during an outage, is left out. */
const missedMaxMs = 60 * 60_000;
/** A message is taken within the life of its code. PostgreSQL finds its partitions by the time of queueing. */
const queuedMaxMs = 24 * 60 * 60_000;
/** A route that had no judged message for this long is forgotten. */
const forgottenAfterMs = 30 * 24 * 60 * 60_000;

const taken = `
  SELECT m.message_id, m.sent_at, m.provider, m.channel, m.country, c.requester_key,
    c.consumed_at IS NOT NULL AND NOT EXISTS (
      SELECT 1 FROM messages l WHERE l.challenge_id = m.challenge_id AND l.country IS NOT NULL
        AND l.sent_at > m.sent_at AND l.sent_at <= c.consumed_at) AS verified
  FROM messages m JOIN challenges c ON c.challenge_id = m.challenge_id
  WHERE m.country IS NOT NULL AND m.provider IS NOT NULL AND (m.sent_at, m.message_id) > ($1, $2) AND m.sent_at <= $3
    AND m.queued_at >= $4
  ORDER BY m.sent_at, m.message_id LIMIT $5`;

const columns = "provider, channel, country, unverified, failing_since, verified, misses, probe_at";
const whereRoute = "provider = $1 AND channel = $2 AND country = $3";

export function createRoutes(db: ColdDatabase): Routes {
  return {
    async judge({ now, limit }) {
      const [until = begin] = await db.read<Cursor>("SELECT sent_at, message_id FROM route_judging");
      const lastAt = now - judgedAfterMs;
      const from = Math.max(until.sent_at, lastAt - missedMaxMs);
      const after = from === until.sent_at ? until.message_id : 0;
      const rows = await db.read<TakenRow>(taken, [from, after, lastAt, from - queuedMaxMs, limit]);
      if (rows.length === 0) return { seen: 0, changes: [] };
      // Read outside the transaction: a message that is 120 s old changes little more, and the outbox writes to the same tables.
      const changes = await db.write(() => note(rows, until, now), { inTurn: "route_judging" });
      return { seen: rows.length, changes };
    },

    async failing() {
      const text = `SELECT ${columns} FROM route_health WHERE failing_since IS NOT NULL ORDER BY provider, channel, country`;
      return (await db.read<HealthRow>(text)).map(toFailingRoute);
    },

    claimProbe: ({ route, now, nextAt }) =>
      db.write(function* () {
        const text = `UPDATE route_health SET probe_at = $5 WHERE ${whereRoute} AND failing_since IS NOT NULL AND probe_at <= $4
          RETURNING provider`;
        return (yield* sql(text, [...keyOf(route), now, nextAt])).length > 0;
      }),
  };
}

/** The message up to which all were judged. */
type Cursor = Pick<TakenRow, "sent_at" | "message_id">;

const begin: Cursor = { sent_at: 0, message_id: 0 };

/** Does nothing if another process has judged the messages since the mark was read. */
function* note(rows: readonly TakenRow[], until: Cursor, now: EpochMs): Steps<readonly RouteChange[]> {
  const last = rows.at(-1)!;
  const move = `INSERT INTO route_judging (only_row, sent_at, message_id) VALUES (1, $3, $4)
    ON CONFLICT (only_row) DO UPDATE SET sent_at = excluded.sent_at, message_id = excluded.message_id
      WHERE route_judging.sent_at = $1 AND route_judging.message_id = $2 RETURNING only_row`;
  const moved = yield* sql(move, [until.sent_at, until.message_id, last.sent_at, last.message_id]);
  if (moved.length === 0) return [];
  const changes: RouteChange[] = [];
  const names = new Set(rows.map(routeName));
  for (const name of names) {
    const ofRoute = rows.filter((row) => routeName(row) === name);
    changes.push(...(yield* noteOnRoute(ofRoute, now)));
  }
  yield* sql("DELETE FROM route_health WHERE changed_at < $1", [now - forgottenAfterMs]);
  return changes;
}

function* noteOnRoute(rows: readonly TakenRow[], now: EpochMs): Steps<readonly RouteChange[]> {
  const { provider, channel, country } = rows[0]!;
  const route = { provider, channel, country };
  const [row] = yield* sql<HealthRow>(`SELECT ${columns} FROM route_health WHERE ${whereRoute}`, keyOf(route));
  const was = row === undefined ? null : toHealth(row);
  let next = was;
  for (const one of rows) {
    const network = one.requester_key.subarray(0, 8).toString("hex");
    next = afterJudged(next, { sentAt: one.sent_at, network, isVerified: Boolean(one.verified) }, now);
  }
  if (next === null && was !== null) yield* sql(`DELETE FROM route_health WHERE ${whereRoute}`, keyOf(route));
  if (next !== null && next !== was) yield* put(route, next, now);
  const [failed, fails] = [was, next].map((health) => health !== null && health.failingSince !== null);
  return failed === fails ? [] : [{ ...route, state: fails ? "failing" : "working" }];
}

function* put(route: RouteKey, health: RouteHealth, now: EpochMs): Steps<void> {
  const text = `INSERT INTO route_health (${columns}, changed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    ON CONFLICT (provider, channel, country) DO UPDATE SET unverified = excluded.unverified, failing_since = excluded.failing_since,
      verified = excluded.verified, misses = excluded.misses, probe_at = excluded.probe_at, changed_at = excluded.changed_at`;
  const { unverified, failingSince, verified, misses, probeAt } = health;
  yield* sql(text, [...keyOf(route), JSON.stringify(unverified), failingSince, verified, misses, probeAt, now]);
}

function keyOf({ provider, channel, country }: RouteKey): [string, string, string] {
  return [provider, channel, country];
}

function toHealth(row: HealthRow): RouteHealth {
  return {
    unverified: JSON.parse(row.unverified) as RouteHealth["unverified"],
    failingSince: row.failing_since,
    verified: row.verified,
    misses: row.misses,
    probeAt: row.probe_at,
  };
}

function toFailingRoute({ provider, channel, country, ...row }: HealthRow): FailingRoute {
  const { failing_since: since, verified, misses, probe_at: probeAt } = row;
  return { provider, channel, country, since: since!, verified, misses, probeAt };
}
