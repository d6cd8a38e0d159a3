import { afterEach, describe, expect, test } from "vitest";
import { readGateway } from "../../../src/config/providers/gateway/read-gateway.js";
import { createHttpGatewayProvider } from "../../../src/delivery/providers/http-gateway.js";
import { message } from "../fixtures.js";
import { type Answer, type Asked, type CarrierServer, startCarrier } from "../providers/carrier-server.js";

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

/** A carrier that takes messages with the token `valid.token` and gives tokens by client credentials. */
async function start(oauth: object = {}, tokenAnswer?: () => Answer) {
  const valid = { token: "token-1" };
  let given = 0;
  const server: CarrierServer = await startCarrier({
    read: (asked) => (asked.path === "/send" ? { to: "", text: "" } : null),
    accept: (asked) =>
      asked.headers.authorization === `Bearer ${valid.token}`
        ? { status: 200, body: { id: "m-1" } }
        : { status: 401, body: {} },
    other: () => {
      given += 1;
      return (
        tokenAnswer?.() ?? { status: 200, body: { access_token: `token-${given}`, token_type: "Bearer", expires_in: 600 } }
      );
    },
    refuse: { status: 400, body: {} },
    lockOut: { status: 401, body: {} },
  });
  const gateway = readGateway(
    JSON.stringify({
      channels: ["sms"],
      request: { url: `${server.origin}/send`, body: { json: { to: "{to}", text: "{text}" } } },
      oauth: { token_url: `${server.origin}/token`, client_id: "the id", client_secret: "the:secret", ...oauth },
      success: { message_id: "/id" },
    }),
    { isProduction: false, allowsHttp: true, readText: () => "" },
  );
  const time = { now: Date.parse("2026-01-05T10:00:00Z") };
  const provider = createHttpGatewayProvider({
    name: "test",
    gateway,
    reportsUrl: "https://id.example.com/delivery/reports/test",
    insecure: true,
    clock: () => time.now,
  });
  stops.push(provider.close, server.stop);
  const tokensAsked = (): readonly Asked[] => server.asked.filter(({ path }) => path === "/token");
  const sends = () => server.asked.filter(({ path }) => path === "/send").length;
  return { provider, server, time, valid, tokensAsked, sends };
}

describe("an access token", () => {
  test("is asked for once by 20 messages at once, and kept until shortly before it ends", async () => {
    const { provider, tokensAsked, time, valid } = await start();
    const results = await Promise.all(Array.from({ length: 20 }, () => provider.send(message("sms"))));
    expect(results.every(({ kind }) => kind === "sent")).toBe(true);
    expect(tokensAsked()).toHaveLength(1);
    time.now += 569_000;
    expect((await provider.send(message("sms"))).kind).toBe("sent");
    expect(tokensAsked()).toHaveLength(1);
    time.now += 2_000;
    valid.token = "token-2";
    expect((await provider.send(message("sms"))).kind).toBe("sent");
    expect(tokensAsked()).toHaveLength(2);
  });

  test("that the carrier refuses is replaced once, and the message is sent once more", async () => {
    const { provider, tokensAsked, valid, sends } = await start();
    valid.token = "token-2";
    expect((await provider.send(message("sms"))).kind).toBe("sent");
    expect([tokensAsked().length, sends()]).toEqual([2, 2]);
  });

  test("that is refused twice makes the carrier misconfigured, and nothing is tried a third time", async () => {
    const { provider, tokensAsked, valid, sends } = await start();
    valid.token = "another";
    expect(await provider.send(message("sms"))).toMatchObject({ kind: "unavailable", isMisconfigured: true });
    expect([tokensAsked().length, sends()]).toEqual([2, 2]);
  });

  test.each([
    [{ status: 401, body: { error: "invalid_client" } }, true],
    [{ status: 400, body: { error: "invalid_client" } }, true],
    [{ status: 500, body: {} }, undefined],
    [{ status: 200, body: "<html>" }, undefined],
    [{ status: 200, body: { access_token: "a\r\nX-Evil: 1" } }, undefined],
  ])("that is not given (%j) makes the carrier unavailable, and no message goes out", async (answer, isMisconfigured) => {
    const { provider, sends } = await start({}, () => answer);
    const result = await provider.send(message("sms"));
    expect(result.kind).toBe("unavailable");
    expect("isMisconfigured" in result ? result.isMisconfigured : undefined).toBe(isMisconfigured);
    expect(JSON.stringify(result)).not.toContain("secret");
    expect(sends()).toBe(0);
    expect(await provider.check?.()).toBe(result.detail);
  });

  test("is asked for with the credentials in a form, in JSON or in a header", async () => {
    const form = await start({ scope: "sms.send", parameters: { account_id: "7" } });
    await form.provider.send(message("sms"));
    expect(Object.fromEntries(new URLSearchParams(form.tokensAsked()[0]!.body))).toEqual({
      grant_type: "client_credentials",
      client_id: "the id",
      client_secret: "the:secret",
      scope: "sms.send",
      account_id: "7",
    });
    const json = await start({ format: "json" });
    await json.provider.send(message("sms"));
    expect(JSON.parse(json.tokensAsked()[0]!.body)).toMatchObject({ client_id: "the id", client_secret: "the:secret" });
    const basic = await start({ credentials: "basic" });
    await basic.provider.send(message("sms"));
    const [asked] = basic.tokensAsked();
    expect(Buffer.from(asked!.headers.authorization!.replace("Basic ", ""), "base64").toString()).toBe("the%20id:the%3Asecret");
    expect(asked!.body).toBe("grant_type=client_credentials");
  });
});
