import { expect } from "vitest";
import type { Store } from "../../src/store/port/store.js";
import {
  appId,
  bytes,
  day,
  expectKind,
  issue,
  minute,
  newSession,
  newUser,
  poolId,
  redeem,
  signIn,
  t0,
} from "./contract/fixtures.js";

const mac = bytes("redemption", 32);
const user = {
  userId: "u-1",
  number: 1,
  username: "ada",
  displayName: "Ada",
  locale: "sv",
  customAttributes: '{"a":1}',
  contacts: [{ kind: "email", value: "ada@example.com", verifiedAt: t0 }],
  createdAt: t0,
} as const;
const session = {
  sessionId: "s-1",
  family: bytes("family"),
  keyId: "master",
  userId: user.userId,
  appId: "default",
  clientId: "client",
  credentialHash: null,
  generation: 0,
  ip: "192.0.2.1",
  userAgent: "test",
  amr: ["latchkey:email"],
  createdAt: t0,
  lastUsedAt: t0,
  idleExpiresAt: t0 + 7 * day,
  expiresAt: t0 + 30 * day,
};

/**
 * SQL that fills the tables of the versions before there were pools: a user with a contact and a session, a live challenge with a
 * leased message, and a redemption that is remembered.
 */
export function earlierRows(engine: "sqlite" | "postgres"): string[] {
  const [isSqlite, contact] = [engine === "sqlite", user.contacts[0]];
  const literal = (value: Uint8Array) => {
    const hex = Buffer.from(value).toString("hex");
    return isSqlite ? `x'${hex}'` : `'\\x${hex}'`;
  };
  const challenge = (id: string, consumedAt: number | null) => `
    INSERT INTO challenges (challenge_id, client_id, purpose, channel, identifier_key, requester_key, contact_kind, contact_value,
      user_id, decoy, masked_destination, locale, code_length, hash_profile, pepper_id, salt, tag, sealed_code, attempts,
      attempts_max, sends, sends_max, created_at, expires_at, resend_at, consumed_at
      ${isSqlite ? "" : ", resend_times, resend_requesters"})
    VALUES ('${id}', 'client', 'login', 'email', ${literal(bytes("identifier"))}, ${literal(bytes("requester"))}, 'email',
      '${contact.value}', '${user.userId}', ${isSqlite ? "0" : "false"}, 'a', 'sv', 6, 'fast', 'pepper', ${literal(bytes("salt"))},
      ${literal(bytes("tag", 32))}, ${literal(bytes("sealed"))}, 1, 5, 1, 5, ${t0}, ${t0 + 5 * minute}, ${t0}, ${consumedAt}
      ${isSqlite ? "" : ", '{}', '{}'"})`;
  const outcome = {
    kind: "redeemed",
    challengeId: "c-0",
    sessionId: "s-1",
    isNewUser: true,
    usernameTaken: false,
    pendingSources: [],
  };
  return [
    `INSERT INTO users (user_id, username, display_name, locale, custom_attributes, created_at)
      VALUES ('${user.userId}', 'ada', 'Ada', 'sv', '{"a":1}', ${t0}), ('u-2', NULL, '', 'en', '', ${t0}), ('u-3', NULL, '', 'en', '', ${t0})`,
    `INSERT INTO contacts (kind, value, user_id, verified_at) VALUES ('email', '${contact.value}', '${user.userId}', ${t0})`,
    `INSERT INTO sessions (session_id, family, key_id, user_id, client_id, generation, ip, user_agent, amr, created_at, last_used_at,
        idle_expires_at, expires_at${isSqlite ? "" : ", sweep_at"})
      VALUES ('s-1', ${literal(session.family)}, 'master', '${user.userId}', 'client', 0, '192.0.2.1', 'test', 'latchkey:email', ${t0}, ${t0},
        ${session.idleExpiresAt}, ${session.expiresAt}${isSqlite ? "" : `, ${session.idleExpiresAt}`})`,
    challenge("c-0", t0),
    challenge("c-1", null),
    `INSERT INTO outbox (challenge_id, due_at, tries) VALUES ('c-1', ${t0 + minute}, 3)`,
    isSqlite
      ? `INSERT INTO idempotency VALUES (${literal(mac)}, '${JSON.stringify(outcome)}', ${t0 + day})`
      : `INSERT INTO idempotency (mac, kind, challenge_ids, session_id, is_new_user, expires_at)
          VALUES (${literal(mac)}, 'redeemed', '{c-0}', 's-1', true, ${t0 + day})`,
  ];
}

/** Fails unless the rows of `earlierRows` belong to the pool `main` and the app `default` and still work. */
export async function expectEarlierRows(store: Store): Promise<void> {
  const now = t0 + minute;
  expect(await store.sessions.findLive({ sessionId: "s-1", now })).toEqual({ session, user });
  expect(await store.sessions.list({ userId: user.userId, appId: "default", now })).toEqual([session]);
  expect(await store.challenges.find("c-1")).toMatchObject({
    poolId: "main",
    appId: "default",
    contactUserId: user.userId,
    attempts: 1,
  });
  const found = await store.challenges.findRedemption({ idempotency: mac, now });
  expect(found?.redemption).toEqual({ kind: "signed_in", session, user, isNewUser: true, usernameTaken: false });
  const recipient = async (pool: string) => {
    const recipientOf = {
      identifier: { kind: "username", value: "ada" },
      channel: "email",
      poolId: pool,
      appId,
      trustClaims: false,
    } as const;
    return expectKind(await store.challenges.prepareSend({ idempotency: null, recipientOf, guards: [], now }), "ready")
      .recipient;
  };
  expect((await recipient(poolId))?.userId).toBe(user.userId);
  expect(await recipient("another")).toBeNull();
  const [message] = await store.outbox.claim({ now, leaseMs: minute, limit: 10 });
  expect(message).toMatchObject({
    outboxId: 1,
    tries: 4,
    queuedAt: t0,
    carrier: 0,
    unknowns: 0,
    isMuted: false,
    delivery: { channel: "email" },
  });
  const again = await redeem(store, "c-1");
  expect(again).toMatchObject({ isNewUser: false, user });
  const contact = { kind: "email", value: user.contacts[0].value } as const;
  const elsewhere = await issue(store, { poolId: "another", appId: "another", contact });
  expect((await store.outbox.claim({ now, leaseMs: minute, limit: 10 })).map(({ outboxId }) => outboxId)).toEqual([2]);
  const made = await redeem(store, elsewhere.challengeId, {
    newUser: newUser({ username: "ada" }),
    newSession: newSession({ appId: "another" }),
  });
  expect(made).toMatchObject({ isNewUser: true, usernameTaken: false });
}

/**
 * SQL that fills version 5 with users of two pools: with sessions in two apps, in one, in an app that was deleted since, and without.
 */
export function earlierPeople(engine: "sqlite" | "postgres"): string[] {
  const users = [
    ["u-3", "main", 1],
    ["u-1", "main", 2],
    ["u-2", "bank", 2],
    ["u-4", "bank", 3],
    ["u-5", "bank", 4],
  ].map(([id, pool, at]) => `('${id}', '${pool}', '', 'en', '', ${at})`);
  const apps = [
    ["shop", "main", 2],
    ["bank", "bank", 3],
    ["loans", "bank", 4],
  ].map(([id, pool, number]) => `('${id}', '${pool}', ${number}, '', '', '', '[]', '', '{}', 'active', 0, 1)`);
  const isSqlite = engine === "sqlite";
  const sessions = [
    ["u-1", "default"],
    ["u-1", "shop"],
    ["u-2", "bank"],
    ["u-5", "gone"],
  ].map(([id, app], index) => {
    const family = isSqlite ? `x'0${index}'` : `'\\x0${index}'`;
    return `('s-${index}', ${family}, 'k', '${id}', 'c', 0, '', '', '', 7, 7, 8, 9, '${app}'${isSqlite ? "" : ", 8"})`;
  });
  return [
    `INSERT INTO users (user_id, pool_id, display_name, locale, custom_attributes, created_at) VALUES ${users.join(", ")}`,
    `INSERT INTO apps (app_id, pool_id, number, display_name, logo_url, support_address, allowed_origins, audience, policy, state,
      created_at, revision) VALUES ${apps.join(", ")}`,
    `INSERT INTO sessions (session_id, family, key_id, user_id, client_id, generation, ip, user_agent, amr, created_at, last_used_at,
      idle_expires_at, expires_at, app_id${isSqlite ? "" : ", sweep_at"}) VALUES ${sessions.join(", ")}`,
  ];
}

/** Fails unless the users of `earlierPeople` have the numbers of their age and are members of the right apps. */
export async function expectEarlierPeople(store: Store): Promise<void> {
  const membersOf = async (place: { poolId: string; appId: string }) => {
    const { members } = await store.users.list({ ...place, prefix: null, after: "", limit: 10 });
    return members.map(({ user: { userId, number }, membership: { state, joinedAt } }) => [userId, number, state, joinedAt]);
  };
  const [u3, u1, u2, u4, u5] = [
    ["u-3", 1, "active", 1],
    ["u-1", 2, "active", 2],
    ["u-2", 3, "active", 2],
    ["u-4", 4, "active", 3],
    ["u-5", 5, "active", 4],
  ];
  expect(await membersOf({ poolId: "main", appId: "default" })).toEqual([u3, u1]);
  expect(await membersOf({ poolId: "main", appId: "shop" })).toEqual([u1]);
  expect(await membersOf({ poolId: "bank", appId: "bank" })).toEqual([u2, u4, u5]);
  expect(await membersOf({ poolId: "bank", appId: "loans" })).toEqual([u4, u5]);
  const organizations = (await store.apps.listApps({ after: "", limit: 10 })).map((app) => app.ownerOrganization);
  expect(new Set(organizations).size).toBe(4);
  for (const one of organizations) {
    expect(one).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  }
  expect((await signIn(store)).user.number).toBe(6);
}
