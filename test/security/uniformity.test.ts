import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestApp, type TestApp } from "../support/app.js";
import { signIn } from "../support/calls.js";
import { testEngines } from "../support/engines.js";

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

  beforeAll(async () => {
    on = await startTestApp(await database());
    const { challenges } = await on.auth.registerUser({ username: alice.username, email: alice.email, phone: alice.phone });
    for (const challenge of challenges) {
      const { challengeId, code } = await on.messageOf(challenge);
      await on.auth.verifyOtp({ challengeId, code });
    }
    expect((await signIn(on, "bystander@example.com")).user).toBeDefined();
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

  describe("a caller can't tell who is a user", () => {
    for (const kind of ["email", "phone", "username"] as const) {
      it(`by SendOtp, resend, cooldown and VerifyOtp with a ${kind}`, async () => {
        const [known, unknown] = [
          await raw("SendOtp", { [kind]: alice[kind] }),
          await raw("SendOtp", { [kind]: nobody[kind] }),
        ];
        expect(known.status).toBe(200);
        expect(visible(unknown)).toEqual(visible(known));

        const again = [await raw("SendOtp", { [kind]: alice[kind] }), await raw("SendOtp", { [kind]: nobody[kind] })];
        expect(again[0]!.status).toBe(429);
        expect(visible(again[1]!)).toEqual(visible(again[0]!));

        on.clock.advance(40_000);
        const ids = [known, unknown].map(({ json }) => json.challenge!.challengeId);
        const resent = [await raw("SendOtp", { challengeId: ids[0] }), await raw("SendOtp", { challengeId: ids[1] })];
        expect(resent[0]!.status).toBe(200);
        expect(visible(resent[1]!)).toEqual(visible(resent[0]!));

        const people = [alice, nobody];
        for (const more of [{}, { session: "SESSION_KIND_NONE" }, { createUserIfMissing: false }]) {
          const named = await Promise.all(
            people.map((one) => raw("VerifyOtp", { [kind]: one[kind], code: "999999", ...more })),
          );
          expect(named[0]!.status).toBe(401);
          expect(visible(named[1]!)).toEqual(visible(named[0]!));
        }
        on.clock.advance(70_000);
        const reused = await Promise.all(
          people.map((one) => raw("SendOtp", { [kind]: one[kind], reuseLive: true, createUserIfMissing: kind !== "username" })),
        );
        expect(reused.map(({ json }) => json.challenge!.challengeId)).toEqual(ids);
        expect(visible(reused[1]!)).toEqual(visible(reused[0]!));
        const optioned = await Promise.all(people.map((one) => raw("SendOtp", { [kind]: one[kind], codeLength: 8 })));
        expect(optioned[0]!.status).toBe(403);
        expect(visible(optioned[1]!)).toEqual(visible(optioned[0]!));

        for (let guess = 0; guess < 7; guess += 1) {
          const code = String(guess).padStart(6, "0");
          const guesses = [
            await raw("VerifyOtp", { challengeId: ids[0], code }),
            await raw("VerifyOtp", { challengeId: ids[1], code }),
          ];
          expect(guesses[0]!.status).toBe(401);
          expect(visible(guesses[1]!)).toEqual(visible(guesses[0]!));
        }
        on.clock.advance(24 * 60 * 60_000);
      });
    }

    it("by RegisterUser, with a contact or a user name that somebody has", async () => {
      const known = await raw("RegisterUser", { ...alice, username: "alice" });
      const unknown = await raw("RegisterUser", { ...nobody, username: "nobod" });
      expect(known.status).toBe(200);
      expect(visible(unknown)).toEqual(visible(known));
    });

    it("by the budget of guesses: known and unknown are limited after the same number of them", async () => {
      on.clock.advance(25 * 60 * 60_000);
      const limits: Record<string, unknown[]> = { known: [], unknown: [] };
      for (let round = 0; round < 3; round += 1) {
        for (const [arm, email] of [
          ["known", alice.email],
          ["unknown", nobody.email],
        ] as const) {
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
      expect(limits.unknown).toEqual(limits.known);
      expect(limits.known!.some((one) => (one as { status: number }).status === 429)).toBe(true);
    });
  });
});
