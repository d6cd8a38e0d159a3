import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newApp } from "../store/contract/directory-fixtures.js";
import { startTestApp, type TestApp } from "../support/app.js";
import { signIn } from "../support/calls.js";
import { testEngines } from "../support/engines.js";
import { addMember, type GivenMember } from "../support/members.js";

interface Raw {
  readonly status: number;
  readonly headers: string;
  readonly body: string;
}

interface Answer {
  readonly challenge?: { readonly challengeId: string; readonly maskedDestination?: string };
  readonly challenges?: readonly { readonly challengeId: string; readonly maskedDestination?: string }[];
}

describe.each(testEngines())("on $engine", ({ database }) => {
  let on: TestApp;
  const alice = { email: "alice@example.com", phone: "+46701234567", username: "alice" };
  const nobody = { email: "nobod@example.com", phone: "+46709876543", username: "nobod" };
  /** People of the pool who look unknown too. */
  const others = {
    "of another app": { email: "other@example.com", phone: "+46709876541", username: "other" },
    locked: { email: "lockd@example.com", phone: "+46709876542", username: "lockd" },
    "without a credential": { email: "nocrd@example.com", phone: "+46709876544", username: "nocrd" },
  };
  const people = [alice, nobody, ...Object.values(others)];

  beforeAll(async () => {
    on = await startTestApp(await database());
    const { challenges } = await on.auth.registerUser({ username: alice.username, email: alice.email, phone: alice.phone });
    for (const challenge of challenges) {
      const { challengeId, code } = await on.messageOf(challenge);
      await on.auth.verifyOtp({ challengeId, code });
    }
    expect((await signIn(on, "bystander@example.com")).user).toBeDefined();
    const now = on.clock();
    const { store } = on.app.core.deps;
    await store.apps.createApp({ app: newApp({ appId: "elsewhere" }), now });
    const add = (appId: string, given: GivenMember) => addMember(store, { appId, now }, { verifiedAt: now, ...given });
    await add("elsewhere", { ...others["of another app"], locale: "sv" });
    await add("default", { ...others.locked, state: "locked", locale: "sv" });
    await add("default", { ...others["without a credential"], credentialType: "none" });
    // Past the cooldowns that the registration left.
    on.clock.advance(20 * 60_000);
  });
  afterAll(() => on.stop());

  /** A call as it is on the wire, with the parts replaced that have to differ: ids, tokens and the masked echo of the request. */
  async function raw(
    method: string,
    request: object,
    replaced: readonly string[] = [],
  ): Promise<Raw & { readonly json: Answer }> {
    const response = await fetch(`http://127.0.0.1:${on.app.httpPort}/latchkey.v1.AuthService/${method}`, {
      method: "POST",
      headers: { "content-type": "application/json", "connect-protocol-version": "1" },
      body: JSON.stringify(request),
    });
    const text = await response.text();
    const json = JSON.parse(text) as Answer;
    let body = text;
    for (const value of [...replaced, ...idsOf(json)]) body = body.replaceAll(value, "x".repeat(value.length));
    // The cooldown is jittered, and that of one requester differs from another's by chance alone.
    body = body.replace(/"resendAt":"[^"]*"/g, '"resendAt":"…"').replace(/"(retryDelay|value)":"[^"]*"/g, '"$1":"…"');
    body = body.replace(/Try again in \d+ seconds?/, "Try again in …");
    // The length is compared by the body; it varies with the digits of a jittered time alone.
    const varying = ["date", "retry-after", "content-length"];
    const headers = [...response.headers]
      .filter(([name]) => !varying.includes(name))
      .map(([name, value]) => `${name}: ${value}`);
    return { status: response.status, headers: headers.join("\n"), body, json };
  }

  function idsOf(json: Answer): string[] {
    const challenges = [...(json.challenges ?? []), ...(json.challenge === undefined ? [] : [json.challenge])];
    return challenges.flatMap(({ challengeId, maskedDestination }) => [
      challengeId,
      ...(maskedDestination ? [maskedDestination] : []),
    ]);
  }

  const visible = ({ status, headers, body }: Raw): Raw => ({ status, headers, body });

  async function forAll<T>(call: (person: typeof alice, index: number) => Promise<T>): Promise<T[]> {
    const answers: T[] = [];
    for (const [index, person] of people.entries()) answers.push(await call(person, index));
    return answers;
  }

  /** The answers for all people are the same, byte for byte. */
  function expectAlike(answers: readonly Raw[]): void {
    expect(answers.map(visible)).toEqual(answers.map(() => visible(answers[0]!)));
  }

  describe("a caller can't tell who is a user", () => {
    for (const kind of ["email", "phone", "username"] as const) {
      it(`by SendOtp, resend, cooldown and VerifyOtp with a ${kind}`, async () => {
        const sent = await forAll((one) => raw("SendOtp", { [kind]: one[kind] }));
        expect(sent[0]!.status).toBe(200);
        expectAlike(sent);

        const again = await forAll((one) => raw("SendOtp", { [kind]: one[kind] }));
        expect(again[0]!.status).toBe(429);
        expectAlike(again);

        on.clock.advance(40_000);
        const ids = sent.map(({ json }) => json.challenge!.challengeId);
        const resent = await forAll((_, index) => raw("SendOtp", { challengeId: ids[index] }));
        expect(resent[0]!.status).toBe(200);
        expectAlike(resent);

        for (const more of [{}, { session: "SESSION_KIND_NONE" }, { createUserIfMissing: false }]) {
          const named = await forAll((one) => raw("VerifyOtp", { [kind]: one[kind], code: "999999", ...more }));
          expect(named[0]!.status).toBe(401);
          expectAlike(named);
        }
        on.clock.advance(70_000);
        const reused = await forAll((one) =>
          raw("SendOtp", { [kind]: one[kind], reuseLive: true, createUserIfMissing: kind !== "username" }),
        );
        expect(reused.map(({ json }) => json.challenge!.challengeId)).toEqual(ids);
        expectAlike(reused);
        const optioned = await forAll((one) => raw("SendOtp", { [kind]: one[kind], codeLength: 8 }));
        expect(optioned[0]!.status).toBe(403);
        expectAlike(optioned);

        for (let guess = 0; guess < 7; guess += 1) {
          const code = String(guess).padStart(6, "0");
          const guesses = await forAll((_, index) => raw("VerifyOtp", { challengeId: ids[index], code }));
          expect(guesses[0]!.status).toBe(401);
          expectAlike(guesses);
        }
        on.clock.advance(24 * 60 * 60_000);
      });
    }

    it("by RegisterUser, with a contact or a user name that somebody has", async () => {
      const registered = await forAll((one) => raw("RegisterUser", one));
      expect(registered[0]!.status).toBe(200);
      expectAlike(registered);
    });

    it("by the budget of guesses: known and unknown are limited after the same number of them", async () => {
      on.clock.advance(25 * 60 * 60_000);
      const limits = people.map((): unknown[] => []);
      for (let round = 0; round < 3; round += 1) {
        for (const [arm, { email }] of people.entries()) {
          const { json } = await raw("SendOtp", { email });
          for (let guess = 0; guess < 5; guess += 1) {
            const { status, body } = await raw("VerifyOtp", {
              challengeId: json.challenge?.challengeId,
              code: String(guess).padStart(6, "0"),
            });
            limits[arm]!.push({ round, guess, status, body });
          }
        }
        on.clock.advance(6 * 60_000);
      }
      for (const limited of limits) expect(limited).toEqual(limits[0]);
      expect(limits[0]!.some((one) => (one as { status: number }).status === 429)).toBe(true);
    });
  });
});
