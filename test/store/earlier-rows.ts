import { expect } from "vitest";
import type { Store } from "../../src/store/port/store.js";
import { appId, bytes, day, expectKind, issue, minute, newSession, newUser, poolId, redeem, t0 } from "./contract/fixtures.js";

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
 * SQL that fills the tables of the versions before there were pools: a user with a contact and a session, a live challenge, and
 * a redemption that is remembered.
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
  const again = await redeem(store, "c-1");
  expect(again).toMatchObject({ isNewUser: false, user });
  const contact = { kind: "email", value: user.contacts[0].value } as const;
  const elsewhere = await issue(store, { poolId: "another", appId: "another", contact });
  const made = await redeem(store, elsewhere.challengeId, {
    newUser: newUser({ username: "ada" }),
    newSession: newSession({ appId: "another" }),
  });
  expect(made).toMatchObject({ isNewUser: true, usernameTaken: false });
}
