import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startTestApp, type TestApp } from "../support/app.js";
import { refused, wrongCode } from "../support/calls.js";
import { testEngines } from "../support/engines.js";
import { watchedHasher } from "../support/hasher.js";

const minute = 60_000;
const hour = 60 * minute;
const byEmail = { identifier: { case: "email" as const, value: "owner@example.com" } };
const byName = { identifier: { case: "username" as const, value: "owner" } };
const byPhone = { identifier: { case: "phone" as const, value: "+46701234567" } };
const stranger = "203.0.113.9";

describe.each(testEngines())("guesses over several identifiers of an account on $engine", ({ database }) => {
  let on: TestApp;
  let hashes: number;
  beforeEach(async () => {
    hashes = 0;
    on = await startTestApp(await database(), {
      codes: watchedHasher(() => {
        hashes += 1;
      }),
    });
    const { challenges } = await on.auth.registerUser({
      email: byEmail.identifier.value,
      phone: byPhone.identifier.value,
      username: byName.identifier.value,
    });
    for (const challenge of challenges) {
      const { challengeId, code } = await on.messageOf(challenge);
      await on.auth.verifyOtp({ challengeId, code });
    }
    on.clock.advance(25 * hour);
  });
  afterEach(() => on.stop());

  type Sending = typeof byEmail | typeof byName | typeof byPhone;

  async function challengeFor(sending: Sending, address: string) {
    const { challengeId, code } = await on.messageOf((await on.authFrom(address).sendOtp(sending)).challenge);
    return { challengeId, code };
  }

  /** Five wrong codes at each of two challenges, which is all that a requester has for an identifier in an hour. */
  async function guessTenWrong(sending: Sending, address: string): Promise<void> {
    for (let round = 0; round < 2; round += 1) {
      const { challengeId, code } = await challengeFor(sending, address);
      for (let n = 0; n < 5; n += 1) {
        const guess = on.authFrom(address).verifyOtp({ challengeId, code: wrongCode(code, n) });
        expect((await refused(guess)).reason).toBe("CODE_INVALID");
      }
      // Longer than the cooldown of a requester's fourth send.
      on.clock.advance(6 * minute);
    }
  }

  it("all guesses of one address at two identifiers, for a day, leave the owner's right code good at another address", async () => {
    const start = on.clock();
    for (let done = 0; done < 2; done += 1) {
      for (const sending of [byEmail, byName]) await guessTenWrong(sending, stranger);
      const { challengeId, code } = await challengeFor(byEmail, "198.51.100.7");
      expect((await on.auth.verifyOtp({ challengeId, code })).tokens).toBeDefined();
      on.clock.advance(hour);
    }
    for (const sending of [byEmail, byName]) {
      const { challengeId } = await challengeFor(sending, stranger);
      const spent = await refused(on.authFrom(stranger).verifyOtp({ challengeId, code: "000000" }));
      expect(spent.reason).toBe("TOO_MANY_REQUESTS");
    }
    for (const later of [4, 12, 20, 23]) {
      on.clock.advance(start + later * hour - on.clock());
      const { challengeId, code } = await challengeFor(byName, "198.51.100.7");
      expect((await on.auth.verifyOtp({ challengeId, code })).tokens).toBeDefined();
    }
  });

  it("a requester's eleventh guess in an hour fails as a wrong one although it is right, costs the same hash and attempt, and is good for another", async () => {
    await guessTenWrong(byEmail, stranger);
    const { challengeId, code } = await challengeFor(byName, stranger);
    const from = on.authFrom(stranger);
    const before = hashes;
    const right = await refused(from.verifyOtp({ challengeId, code }));
    expect(hashes).toBe(before + 1);
    expect(right).toEqual(await refused(from.verifyOtp({ challengeId, code: wrongCode(code, 0) })));
    expect(right.reason).toBe("CODE_INVALID");
    expect(hashes).toBe(before + 2);
    expect((await on.authFrom("198.51.100.7").verifyOtp({ challengeId, code })).tokens).toBeDefined();
    on.clock.advance(hour);
    const later = await challengeFor(byName, stranger);
    expect((await from.verifyOtp(later)).tokens).toBeDefined();
  });

  it("guesses beyond a requester's share spend the attempts of their challenge", async () => {
    await guessTenWrong(byEmail, stranger);
    const { challengeId, code } = await challengeFor(byName, stranger);
    for (let n = 0; n < 5; n += 1) await refused(on.authFrom(stranger).verifyOtp({ challengeId, code }));
    const refusal = await refused(on.authFrom("198.51.100.7").verifyOtp({ challengeId, code }));
    expect(refusal.reason).toBe("CODE_INVALID");
  });

  it("a redemption gives its own guess back to the requester's share: sign-ins do not spend it", async () => {
    for (let round = 0; round < 12; round += 1) {
      const { challengeId, code } = await challengeFor(round % 2 === 0 ? byEmail : byName, stranger);
      expect((await on.authFrom(stranger).verifyOtp({ challengeId, code })).tokens).toBeDefined();
      on.clock.advance(minute);
    }
  });

  it("the account's total holds over requesters: two addresses at two identifiers spend it, and a third address is refused as for a wrong code", async () => {
    await guessTenWrong(byEmail, stranger);
    await guessTenWrong(byName, "203.0.113.10");
    const { challengeId, code } = await challengeFor(byPhone, "198.51.100.7");
    const before = hashes;
    const refusal = await refused(on.authFrom("198.51.100.7").verifyOtp({ challengeId, code }));
    expect(refusal.reason).toBe("CODE_INVALID");
    expect(hashes).toBe(before + 1);
    on.clock.advance(hour);
    const later = await challengeFor(byPhone, "198.51.100.7");
    expect((await on.authFrom("198.51.100.7").verifyOtp(later)).tokens).toBeDefined();
  });
});
