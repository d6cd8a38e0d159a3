import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { guessesKey } from "../../src/auth/budgets.js";
import { startTwoApps, type TwoApps } from "../auth/two-apps.js";
import { startTestApp, type TestApp } from "../support/app.js";
import { bearer, refused, signIn, wrongCode } from "../support/calls.js";
import { testEngines } from "../support/engines.js";
import { watchedHasher } from "../support/hasher.js";

const minute = 60_000;
const hour = 60 * minute;
const owner = "owner@example.com";
const nobody = "nobody@example.com";
const byEmail = (value: string) => ({ identifier: { case: "email" as const, value } });

describe.each(testEngines())("an owner among strangers on $engine", ({ database }) => {
  let on: TestApp;
  /** Done once, when the next code is compared. */
  let beforeComparing: (() => Promise<void>) | null;
  beforeEach(async () => {
    beforeComparing = null;
    const waiting = watchedHasher(async () => {
      const act = beforeComparing;
      beforeComparing = null;
      await act?.();
    });
    on = await startTestApp(await database(), { codes: waiting });
  });
  afterEach(() => on.stop());

  /** Five wrong codes at each of so many challenges of a stranger's own. */
  async function guessWrong(address: string, email: string, challenges: number): Promise<void> {
    const stranger = on.authFrom(address);
    for (let round = 0; round < challenges; round += 1) {
      const { challenge } = await stranger.sendOtp(byEmail(email));
      const { challengeId } = challenge!;
      const code = email === nobody ? "000000" : (await on.messageOf(challenge)).code;
      for (let n = 0; n < 5; n += 1) {
        expect((await refused(stranger.verifyOtp({ challengeId, code: wrongCode(code, n) }))).reason).toBe("CODE_INVALID");
      }
      on.clock.advance(2 * minute);
    }
  }

  it("two sends and ten wrong codes of a stranger at one address leave the owner's right code good", async () => {
    await signIn(on, owner);
    on.clock.advance(hour);
    await guessWrong("203.0.113.9", owner, 2);
    const { challenge } = await on.authFrom("203.0.113.9").sendOtp(byEmail(owner));
    const spent = on.authFrom("203.0.113.9").verifyOtp({ challengeId: challenge!.challengeId, code: "000000" });
    expect((await refused(spent)).reason).toBe("TOO_MANY_REQUESTS");
    expect((await signIn(on, owner)).isNewUser).toBe(false);
  });

  it("an IPv6 network has one allowance of guesses, whatever the host in it", async () => {
    await signIn(on, owner);
    on.clock.advance(hour);
    await guessWrong("2001:db8:1:2::1", owner, 1);
    await guessWrong("2001:db8:1:2:ffff::2", owner, 1);
    const { challenge } = await on.authFrom("2001:db8:1:2::3").sendOtp(byEmail(owner));
    const spent = on.authFrom("2001:db8:1:2::3").verifyOtp({ challengeId: challenge!.challengeId, code: "000000" });
    expect((await refused(spent)).reason).toBe("TOO_MANY_REQUESTS");
    expect((await signIn(on, owner)).isNewUser).toBe(false);
  });

  it("twenty wrong codes from two addresses spend the total: everyone is refused, and an address without a user alike", async () => {
    await signIn(on, owner);
    on.clock.advance(hour);
    const refusals = [];
    for (const email of [owner, nobody]) {
      for (const address of ["203.0.113.9", "203.0.113.10"]) await guessWrong(address, email, 2);
      const { challenge } = await on.auth.sendOtp(byEmail(email));
      refusals.push(await refused(on.auth.verifyOtp({ challengeId: challenge!.challengeId, code: "000000" })));
    }
    expect(refusals[0]!.reason).toBe("TOO_MANY_REQUESTS");
    expect(refusals[1]).toEqual(refusals[0]);
  });

  it.each([owner, nobody])(
    "twenty wrong codes a day from one address, and some a month, never disable a contact; five addresses do: %s",
    { timeout: 90_000 },
    async (email) => {
      const { lookup, store } = on.app.core.deps;
      const keys = [guessesKey(lookup.identifier("main", { kind: "email", value: email }))];
      const failures = async () => (await store.budgets.countFailures({ keys, now: on.clock() }))[0];
      const spendDay = async (address: string) => {
        for (let rounds = 0; rounds < 4; rounds += 1) {
          await guessWrong(address, email, 1);
          on.clock.advance(hour);
        }
        on.clock.advance(24 * hour);
      };
      await signIn(on, owner);
      on.clock.advance(hour);
      for (let days = 0; days < 5; days += 1) await spendDay("203.0.113.9");
      expect(await failures()).toBe(20);
      for (let months = 0; months < 2; months += 1) {
        on.clock.advance(28 * 24 * hour);
        await guessWrong("203.0.113.9", email, 1);
      }
      expect(await failures()).toBe(0);
      expect((await signIn(on, owner)).isNewUser).toBe(false);

      for (const host of [10, 11, 12, 13, 14]) await spendDay(`203.0.113.${host}`);
      expect(await failures()).toBe(100);
      const { challenge } = await on.auth.sendOtp(byEmail(owner));
      const { challengeId, code } = await on.messageOf(challenge);
      const right = on.auth.verifyOtp({ challengeId, code });
      if (email === owner) expect((await refused(right)).reason).toBe("CODE_INVALID");
      else expect((await right).tokens).toBeDefined();
    },
  );

  it("a probe sees no place come free when the owner signs in: it is refused as for an address without a user", async () => {
    await signIn(on, owner);
    on.clock.advance(hour);
    /** What a probe is answered before and after the time at which the owner, if there is one, signs in. */
    async function probed(email: string): Promise<unknown[]> {
      const { challenge } = await on.auth.sendOtp(byEmail(email));
      for (let n = 0; n < 9; n += 1) await on.authFrom(`203.0.113.${n}`).sendOtp(byEmail(email));
      const probe = () => refused(on.authFrom("198.51.100.7").sendOtp(byEmail(email)));
      const before = await probe();
      if (email === owner) {
        const { challengeId, code } = await on.messageOf(challenge);
        await on.auth.verifyOtp({ challengeId, code });
      }
      return [before, await probe()];
    }
    const real = await probed(owner);
    expect(real[1]).toEqual(real[0]);
    expect(real[0]).toMatchObject({ reason: "TOO_MANY_REQUESTS", retryAfterMs: 5 * minute });
    expect(await probed(nobody)).toEqual(real);
  });

  it("a sign-in ends a stranger's earlier registration of the address, which its holder can't see", async () => {
    const { user } = await signIn(on, owner);
    on.clock.advance(hour);
    const stranger = on.authFrom("203.0.113.9");
    const register = async (email: string) => (await stranger.registerUser({ email })).challenges[0]!;
    const [held, decoy] = [await register(owner), (await stranger.sendOtp(byEmail(nobody))).challenge!];
    const { challengeId, code } = await on.messageOf(held);
    const { tokens } = await signIn(on, owner);
    on.clock.advance(minute);
    const resent = await Promise.all(
      [challengeId, decoy.challengeId].map((value) => stranger.sendOtp({ identifier: { case: "challengeId", value } })),
    );
    expect(resent[0]!.challenge!.sendsLeft).toBe(resent[1]!.challenge!.sendsLeft);
    const refusals = await Promise.all(
      [held, decoy].map((one) => refused(stranger.verifyOtp({ challengeId: one.challengeId, code }))),
    );
    expect(refusals[0]).toMatchObject({ reason: "CODE_INVALID" });
    expect(refusals[0]).toEqual(refusals[1]);
    expect((await on.messages(owner)).filter((message) => message.challengeId === challengeId)).toHaveLength(1);
    const { sessions } = await on.auth.listSessions({}, bearer(tokens.accessToken));
    expect(sessions).toHaveLength(2);
    expect((await on.auth.getCurrentUser({}, bearer(tokens.accessToken))).user).toEqual(user);
  });

  it("a sign-in by e-mail ends the account's other codes: by its user name and to its phone", async () => {
    const { challenges } = await on.auth.registerUser({ email: owner, phone: "+46701234567", username: "owner" });
    for (const challenge of challenges) {
      const { challengeId, code } = await on.messageOf(challenge);
      await on.auth.verifyOtp({ challengeId, code });
    }
    on.clock.advance(hour);
    const stranger = on.authFrom("203.0.113.9");
    const held = [];
    for (const identifier of [
      { case: "username" as const, value: "owner" },
      { case: "phone" as const, value: "+46701234567" },
    ]) {
      held.push(await on.messageOf((await stranger.sendOtp({ identifier })).challenge));
    }
    await signIn(on, owner);
    for (const { challengeId, code } of held) {
      expect((await refused(stranger.verifyOtp({ challengeId, code }))).reason).toBe("CODE_INVALID");
    }
  });

  it("a resend while the code is compared is given back with the redemption, and the cooldown of its requester ends", async () => {
    const elsewhere = on.authFrom("198.51.100.7");
    for (let round = 0; round < 5; round += 1) {
      const email = `round${round}@example.com`;
      const { challenge } = await on.auth.sendOtp({ ...byEmail(email), createUserIfMissing: true });
      const { challengeId, code } = await on.messageOf(challenge);
      on.clock.advance(2 * minute);
      beforeComparing = async () => {
        await elsewhere.sendOtp({ identifier: { case: "challengeId", value: challengeId } });
      };
      await on.auth.verifyOtp({ challengeId, code });
      // The floor of 15 s is left of the cooldown of 30 s.
      on.clock.advance(15_000);
      await elsewhere.sendOtp(byEmail(email));
    }
  });
});

describe.each(testEngines())("a stranger with every public client of a pool at one address, on $engine,", ({ database }) => {
  const stranger = "203.0.113.9";
  let on: TwoApps;
  beforeEach(async () => {
    on = await startTwoApps(await database());
    for (const { web } of [on.plain, on.strict]) {
      await on.redeem(web, await on.send(web, { case: "email", value: owner }));
      on.server.clock.advance(hour);
    }
  });
  afterEach(() => on.stop());

  const clients = () => [on.plain.webFrom(stranger), on.strict.webFrom(stranger), on.server.authFrom(stranger)];

  it("has the guesses of one requester: the owner's right code stays good, and a backend's users have their own", async () => {
    const [plain, strict, another] = clients();
    for (const auth of [plain!, strict!]) {
      const { challengeId } = (await auth.sendOtp(byEmail(owner))).challenge!;
      const { code } = await on.server.messageOf({ challengeId });
      for (let n = 0; n < 5; n += 1)
        expect((await refused(auth.verifyOtp({ challengeId, code: wrongCode(code, n) }))).reason).toBe("CODE_INVALID");
      on.server.clock.advance(2 * minute);
    }
    for (const auth of [plain!, strict!, another!]) {
      const { challengeId } = (await auth.sendOtp(byEmail(owner))).challenge!;
      expect((await refused(auth.verifyOtp({ challengeId, code: "000000" }))).reason).toBe("TOO_MANY_REQUESTS");
      on.server.clock.advance(6 * minute);
    }
    const backend = on.plain.backendWith({ "x-latchkey-end-user-ip": stranger });
    for (const auth of [on.plain.web, on.strict.web, backend]) {
      expect((await on.redeem(auth, await on.send(auth, { case: "email", value: owner }))).tokens).toBeDefined();
      on.server.clock.advance(minute);
    }
  });

  it("has the sends and the pauses of one requester", async () => {
    const [plain, strict, another] = clients();
    await plain!.sendOtp(byEmail(owner));
    expect((await refused(strict!.sendOtp(byEmail(owner)))).reason).toBe("TOO_MANY_REQUESTS");
    for (const auth of [strict!, another!, plain!, strict!]) {
      on.server.clock.advance(6 * minute);
      await auth.sendOtp(byEmail(owner));
    }
    for (const auth of clients()) {
      on.server.clock.advance(6 * minute);
      expect((await refused(auth.sendOtp(byEmail(owner)))).reason).toBe("TOO_MANY_REQUESTS");
    }
    await on.plain.web.sendOtp(byEmail(owner));
    await on.plain.backendWith({ "x-latchkey-end-user-ip": stranger }).sendOtp(byEmail(owner));
  });

  it("has another share in another pool", async () => {
    const apart = await startTwoApps(await database(), { pools: true });
    await apart.plain.webFrom(stranger).sendOtp(byEmail(owner));
    await apart.strict.webFrom(stranger).sendOtp(byEmail(owner));
    await apart.stop();
  });
});
