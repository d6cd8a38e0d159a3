import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { guessesKey } from "../../src/auth/budgets.js";
import { contactFailuresMax } from "../../src/model/user.js";
import { explained, refused, wrongCode } from "../support/calls.js";
import { testEngines } from "../support/engines.js";
import { watchedHasher } from "../support/hasher.js";
import { type Auth, startTwoApps, type TwoApps } from "./two-apps.js";

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

type Identifier = { readonly case: "email" | "phone" | "username"; readonly value: string };
const email: Identifier = { case: "email", value: "owner@example.com" };
const phone: Identifier = { case: "phone", value: "+46701234567" };
const username: Identifier = { case: "username", value: "owner" };
const unknown: Identifier = { case: "email", value: "nobod@example.com" };

describe.each(testEngines())("wrong codes in a row for one contact, on $engine,", ({ database }) => {
  let on: TwoApps;
  let web: Auth;
  let hashes: number;
  beforeEach(async () => {
    hashes = 0;
    const codes = watchedHasher(() => {
      hashes += 1;
    });
    on = await startTwoApps(await database(), { codes });
    ({ web } = on.plain);
    const { challenges } = await web.registerUser({ email: email.value, phone: phone.value, username: username.value });
    for (const challenge of challenges) await on.redeem(web, challenge);
    on.server.clock.advance(hour);
  });
  afterEach(() => on.stop());

  async function sent(auth: Auth, identifier: Identifier) {
    const { challenge } = await auth.sendOtp({ identifier });
    const { challengeId } = challenge!;
    const isReal = identifier !== unknown;
    return { challengeId, code: isReal ? (await on.server.messageOf(challenge)).code : "000000" };
  }

  /** Takes so many wrong codes at the contact. The last 5 are calls; the ones before are only counted, which is quicker. */
  async function fail(identifier: Identifier, times: number): Promise<void> {
    const contact = identifier.case === "username" ? email : identifier;
    const { lookup, store } = on.server.app.core.deps;
    const key = guessesKey(lookup.identifier("main", { kind: contact.case, value: contact.value }));
    for (let n = 0; n < times - 5; n += 1) {
      await store.budgets.spend({ charges: [{ key, limits: [], countsFailures: true }], now: on.server.clock() });
    }
    const from = on.plain.webFrom("192.0.2.1");
    const challenge = await sent(from, identifier);
    for (let n = 0; n < Math.min(5, times); n += 1) {
      const guess = from.verifyOtp({ ...challenge, code: wrongCode(challenge.code, n) });
      expect((await refused(guess)).reason).toBe("CODE_INVALID");
    }
    on.server.clock.advance(25 * hour);
  }

  const signsIn = async (identifier: Identifier) => {
    const challenge = await sent(web, identifier);
    const before = hashes;
    const result = await web.verifyOtp(challenge).then(
      () => "ok",
      async () => (await explained(web.verifyOtp(challenge))).reason,
    );
    expect(hashes).toBeGreaterThan(before);
    on.server.clock.advance(2 * minute);
    return result;
  };

  it("disable it at the hundredth: the right code is refused as a wrong one, at the cost of one, and sessions stay", async () => {
    const { tokens } = await on.redeem(web, await on.send(web, { case: "email", value: email.value }));
    on.server.clock.advance(hour);
    await fail(email, contactFailuresMax - 1);
    await fail(username, 1);
    const challenge = await sent(web, email);
    const before = hashes;
    const right = await refused(web.verifyOtp(challenge));
    expect(hashes).toBe(before + 1);
    expect(right).toEqual(await refused(web.verifyOtp({ ...challenge, code: wrongCode(challenge.code) })));
    expect(right.reason).toBe("CODE_INVALID");
    expect((await on.elsewhere.challenges.find(challenge.challengeId))?.attempts).toBe(2);
    expect((await web.refreshToken({ refreshToken: tokens!.refreshToken })).tokens).toBeDefined();
  });

  it("one fewer does not, and a success begins the count again", async () => {
    await fail(email, contactFailuresMax - 1);
    expect(await signsIn(email)).toBe("ok");
    await fail(email, contactFailuresMax - 1);
    expect(await signsIn(username)).toBe("ok");
    await fail(email, 1);
    expect(await signsIn(email)).toBe("ok");
  });

  it("are named to confidential clients: CONTACT_DISABLED, and so for an identifier without a user", async () => {
    const { backend } = on.plain;
    const cause = { reason: "CODE_INVALID", metadata: { cause: "CONTACT_DISABLED" } };
    for (const identifier of [email, unknown]) {
      await fail(identifier, contactFailuresMax);
      const challenge = await sent(backend, identifier);
      expect(await explained(backend.verifyOtp(challenge)), identifier.value).toMatchObject(cause);
    }
  });

  it("leave the user's other contact good, and a sign-in by it restores this one", async () => {
    await fail(email, contactFailuresMax);
    expect(await signsIn(email)).toBe("CODE_INVALID");
    expect(await signsIn(phone)).toBe("ok");
    expect(await signsIn(email)).toBe("ok");
  });

  it("are forgotten 30 days after the last one", async () => {
    await fail(phone, contactFailuresMax);
    on.server.clock.advance(28 * day);
    expect(await signsIn(phone)).toBe("CODE_INVALID");
    on.server.clock.advance(31 * day);
    expect(await signsIn(phone)).toBe("ok");
  });

  it("are those of the pool: what one app's callers guessed counts at the other", async () => {
    const other = on.strict.web;
    const identifier = { case: "email" as const, value: email.value };
    await on.redeem(other, await on.send(other, identifier));
    on.server.clock.advance(hour);
    await fail(email, contactFailuresMax);
    expect((await refused(other.verifyOtp(await sent(other, email)))).reason).toBe("CODE_INVALID");
  });
});
