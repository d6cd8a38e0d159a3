import { afterEach, beforeEach, expect, it } from "vitest";
import { call, refresh, refusal, type SignIn, signIn } from "./support/caller.js";
import { type Latchkey, startLatchkey } from "./support/latchkey.js";
import { startLoad } from "./support/load.js";
import { keyIdOf, publishedKeyIds, type ResourceServer, startResourceServers } from "./support/resource-servers.js";
import { until } from "./support/until.js";

// Production's proportions in seconds: a key is published for longer than verifiers keep what they fetched.
const keyLead = "6s";
const keysMaxAgeMs = 2000;

/** How long a server may go on trusting a key that another process dropped, and what a busy machine adds. */
const reloadMs = 2000;
const slackMs = 300;

let latchkey: Latchkey;
let servers: ResourceServer[] = [];

beforeEach(async () => {
  latchkey = await startLatchkey({ LATCHKEY_CODE_HASH: "fast", LATCHKEY_KEY_LEAD: keyLead });
});
afterEach(async () => {
  stopServers();
  await latchkey.stop();
});

it("no unexpired token fails anywhere while `latchkey keys rotate` changes the signing key under load, and the old key stays published", async () => {
  servers = await startResourceServers({ issuer: latchkey.issuer, keysMaxAgeMs });
  const [oldKey] = await publishedKeyIds(latchkey.issuer);
  const load = startLoad(latchkey, servers);
  const issuedBy = (keyId: string) => load.issued.filter(({ accessToken }) => keyIdOf(accessToken) === keyId);
  try {
    await until("tokens of the old key", () => issuedBy(oldKey!).length >= 20 || undefined);
    const newKey = madeKey(await latchkey.cli("keys", "rotate"));
    await until("tokens of the new key", () => issuedBy(newKey).length >= 40 || load.failures.length > 0 || undefined, 40_000);
    await load.stop();

    expect(load.failures).toEqual([]);
    expect(load.checked).toBeGreaterThan(3 * load.issued.length);
    expect(new Set(load.issued.map(({ accessToken }) => keyIdOf(accessToken)))).toEqual(new Set([oldKey, newKey]));
    // Once the new key signs, the old one does not any more.
    expect(load.issued.slice(-20).map(({ accessToken }) => keyIdOf(accessToken))).toEqual(Array(20).fill(newKey));
    expect(await publishedKeyIds(latchkey.issuer)).toEqual([oldKey, newKey]);

    await expectAcceptedByStrangers([...issuedBy(oldKey!).slice(0, 10), ...issuedBy(newKey).slice(-10)]);
  } finally {
    await load.stop();
  }
});

it("`latchkey keys rotate --compromised` ends the tokens of all other keys at our own methods within 2 s, and unpublishes the keys", async () => {
  const before = await signIn(latchkey, "ada@example.com");
  const [oldKey] = await publishedKeyIds(latchkey.issuer);
  const announcedKey = madeKey(await latchkey.cli("keys", "rotate"));
  await until(
    "the announced key is published",
    async () => (await publishedKeyIds(latchkey.issuer)).includes(announcedKey) || undefined,
  );
  expect((await whoIs(before.tokens.accessToken)).userId).toBe(before.user.userId);

  const newKey = madeKey(await latchkey.cli("keys", "rotate", "--compromised"));
  const droppedAt = Date.now();
  await until(
    "the old token is refused",
    async () => (await refusal(whoIs(before.tokens.accessToken))) === "TOKEN_INVALID" || undefined,
  );
  expect(Date.now() - droppedAt).toBeLessThan(reloadMs + slackMs);
  const published = await publishedKeyIds(latchkey.issuer);
  expect(published).toEqual([newKey]);
  expect(published).not.toContain(oldKey);

  // The session is not the key: it goes on, with tokens that everybody accepts.
  const after = await refresh(latchkey, before.tokens.refreshToken);
  expect(keyIdOf(after.accessToken)).toBe(newKey);
  expect((await whoIs(after.accessToken)).userId).toBe(before.user.userId);
  await expectAcceptedByStrangers([{ accessToken: after.accessToken, userId: before.user.userId }]);
  for (const server of servers) await expect(server.subjectOf(before.tokens.accessToken), server.name).rejects.toThrow();
});

async function whoIs(accessToken: string): Promise<SignIn["user"]> {
  return (await call<{ user: SignIn["user"] }>(latchkey, "GetCurrentUser", {}, { accessToken })).user;
}

/** Resource servers that have just started, and so know of the keys only what is published now. */
async function expectAcceptedByStrangers(tokens: readonly { accessToken: string; userId: string }[]): Promise<void> {
  stopServers();
  servers = await startResourceServers(latchkey);
  for (const server of servers) {
    for (const { accessToken, userId } of tokens) expect(await server.subjectOf(accessToken), server.name).toBe(userId);
  }
}

function stopServers(): void {
  for (const server of servers.splice(0)) server.stop();
}

function madeKey(printed: string): string {
  return /Created signing key ([\w-]{43})\b/.exec(printed)![1]!;
}
