import { describe, expect, it } from "vitest";
import { createClientToken } from "../../src/client/client-token.js";
import { createFakeClock } from "./support/fake-clock.js";

const lifeSeconds = 900;

/** A server whose answers wait until they are released, and that counts what it is asked. */
function createIssuer() {
  const waiting: { readonly answer: () => void; readonly fail: (error: Error) => void }[] = [];
  let issued = 0;
  return {
    get asked() {
      return issued + waiting.length;
    },
    issue: () =>
      new Promise<{ accessToken: string; expiresIn: number }>((resolve, reject) =>
        waiting.push({
          answer() {
            issued += 1;
            resolve({ accessToken: `token-${issued}`, expiresIn: lifeSeconds });
          },
          fail: (error) => reject(error),
        }),
      ),
    answer: () => waiting.shift()!.answer(),
    fail: () => waiting.shift()!.fail(new Error("down")),
    get waiting() {
      return waiting.length;
    },
  };
}

async function withToken() {
  const clock = createFakeClock();
  const issuer = createIssuer();
  const token = createClientToken(issuer.issue, clock);
  const first = token.current();
  issuer.answer();
  expect(await first).toBe("token-1");
  return { clock, issuer, token };
}

describe("a client token", () => {
  it("is fetched once for any number of concurrent calls", async () => {
    const issuer = createIssuer();
    const token = createClientToken(issuer.issue, createFakeClock());
    const calls = Array.from({ length: 50 }, () => token.current());
    expect(issuer.waiting).toBe(1);
    issuer.answer();
    expect(new Set(await Promise.all(calls))).toEqual(new Set(["token-1"]));
    expect(await token.current()).toBe("token-1");
    expect(issuer.asked).toBe(1);
  });

  it("is kept until its last minute, then renewed once in the background", async () => {
    const { clock, issuer, token } = await withToken();
    clock.advance((lifeSeconds - 61) * 1000);
    expect(await token.current()).toBe("token-1");
    expect(issuer.waiting).toBe(0);
    clock.advance(1000);
    expect(await Promise.all([token.current(), token.current()])).toEqual(["token-1", "token-1"]);
    expect(issuer.waiting).toBe(1);
    issuer.answer();
    await expect.poll(() => token.current()).toBe("token-2");
    expect(issuer.asked).toBe(2);
  });

  it("is never used after its end: a call then waits for the next one", async () => {
    const { clock, issuer, token } = await withToken();
    clock.advance(lifeSeconds * 1000);
    const next = token.current();
    issuer.answer();
    expect(await next).toBe("token-2");
  });

  it("outlasts a server that fails while it is renewed, and a failure after its end is thrown", async () => {
    const { clock, issuer, token } = await withToken();
    clock.advance((lifeSeconds - 5) * 1000);
    const kept = token.current();
    issuer.fail();
    expect(await kept).toBe("token-1");
    clock.advance(5000);
    const late = token.current();
    issuer.fail();
    await expect(late).rejects.toThrow("down");
    const again = token.current();
    issuer.answer();
    expect(await again).toBe("token-2");
  });

  it("is fetched again after a failed first fetch", async () => {
    const issuer = createIssuer();
    const token = createClientToken(issuer.issue, createFakeClock());
    const first = token.current();
    issuer.fail();
    await expect(first).rejects.toThrow("down");
    const second = token.current();
    issuer.answer();
    expect(await second).toBe("token-1");
  });

  it("that the server refused is replaced once, for all calls that used it", async () => {
    const { issuer, token } = await withToken();
    const renewed = [token.renew("token-1"), token.renew("token-1")];
    expect(issuer.waiting).toBe(1);
    issuer.answer();
    expect(await Promise.all(renewed)).toEqual(["token-2", "token-2"]);
    expect(await token.renew("token-1")).toBe("token-2");
    expect(issuer.asked).toBe(2);
  });

  it("is replaced if the clock was set back, because its end is then unknown", async () => {
    const { clock, issuer, token } = await withToken();
    clock.advance(-3_600_000);
    const next = token.current();
    issuer.answer();
    expect(await next).toBe("token-2");
  });
});
