import { describe, expect, test } from "vitest";
import { createSmppProvider } from "../../../src/delivery/providers/smpp.js";
import { code, message } from "../fixtures.js";
import { type Behaviour, describeCarrier } from "./contract.js";
import { login, type Reaction, startCenter, status } from "./smpp-center.js";
import { center, smpp, smppOptions, useCenters } from "./smpp-harness.js";
import { commands } from "./smpp-pdu.js";

useCenters();

describeCarrier("smpp", async () => {
  let next: Behaviour | null = null;
  const reactions: Readonly<Partial<Record<Behaviour, () => Reaction>>> = {
    "accept-silently": () => ({ instead: "silent" }),
    busy: () => ({ status: status.throttled }),
    refuse: () => ({ status: status.invalidDestination }),
    malformed: () => ({ instead: "noise" }),
    slow: () => ({ answerAfter: new Promise((resolve) => setTimeout(resolve, 150)) }),
    reset: () => ({ instead: "reset" }),
  };
  const behaviour = (): Behaviour | null => {
    const now = next;
    next = null;
    return now;
  };
  const started = await startCenter({
    bindStatus: () => (next === "lock-out" ? status.invalidPassword : status.ok),
    react: () => reactions[behaviour() ?? "lock-out"]?.() ?? {},
  });
  return {
    provider: createSmppProvider(smppOptions(started.port, { answerTimeoutMs: 500, connectTimeoutMs: 500 })),
    received: started.texts,
    behave(how) {
      next = how;
    },
    disappear: started.stop,
    stop: started.stop,
    secrets: [login.password, login.systemId],
    givesIds: true,
    saysHowLong: false,
  };
});

describe("a short message", () => {
  test("goes from the sender to the number without its plus, asks for a receipt and is valid as long as its code", async () => {
    const { port, submits, binds } = await center();
    const provider = smpp(port, { systemType: "OTP", serviceType: "CMT" });
    expect(await provider.send(message("sms"))).toEqual({
      kind: "sent",
      detail: "accepted",
      providerMessageId: "m0",
      segments: 1,
    });
    expect(binds).toEqual([{ ...login, systemType: "OTP", interfaceVersion: 0x34 }]);
    expect(submits[0]).toMatchObject({
      serviceType: "CMT",
      source: { ton: 5, npi: 0, address: "Latchkey" },
      destination: { ton: 1, npi: 1, address: "14155550132" },
      esmClass: 0,
      schedule: "",
      validity: "000000000500000R",
      registeredDelivery: 1,
      dataCoding: 0,
    });
  });

  test.each([
    ["absolute", "260105100500000+"],
    ["none", ""],
  ] as const)("has a validity that is %s if the operator says so", async (validity, written) => {
    const { port, submits } = await center();
    await smpp(port, { validity }).send(message("sms"));
    expect(submits[0]?.validity).toBe(written);
  });

  test("never goes out after its code expired", async () => {
    const { port, submits } = await center();
    const result = await smpp(port, { clock: () => message("sms").expiresAt }).send(message("sms"));
    expect(result.kind).toBe("temporary");
    expect(submits).toEqual([]);
  });

  test.each(["14155550132", "+1415\0", "+14155550132\r\n", "+14155550132,+14155550199", "+1415555013x", "", "ada@example.com"])(
    "never goes to %j",
    async (value) => {
      const { port, connections } = await center();
      const result = await smpp(port).send(message("sms", { to: { kind: "phone", value } }));
      expect(result.kind).toBe("permanent");
      expect(connections()).toBe(0);
    },
  );
});

describe("texts arrive as they were written", () => {
  const alphabet =
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
  test.each([
    ["the whole GSM alphabet", alphabet, 0, 1],
    ["its extension table", "^{}\\[~]|€", 0, 1],
    ["160 septets in one part", "x".repeat(160), 0, 1],
    ["161 septets in two", "x".repeat(161), 0, 2],
    ["306 septets in two", "x".repeat(306), 0, 2],
    ["307 septets in three", "x".repeat(307), 0, 3],
    ["an escaped character at the end of a part", `${"x".repeat(152)}€${"y".repeat(50)}`, 0, 2],
    ["letters beyond GSM in UCS-2", "Код 048213 — ключ", 8, 1],
    ["control characters, which end no field", "048213\0+15005550006\0\u001b[2J\u0004", 8, 1],
    ["70 characters of UCS-2 in one part", "ш".repeat(70), 8, 1],
    ["71 characters of UCS-2 in two", "ш".repeat(71), 8, 2],
    ["134 characters of UCS-2 in two", "ш".repeat(134), 8, 2],
    ["a character of two units at the end of a part", `${"ш".repeat(66)}🔑${"ш".repeat(20)}`, 8, 2],
  ] as const)("%s", async (_name, text, dataCoding, segments) => {
    const { port, submits, texts } = await center();
    const result = await smpp(port).send({ ...message("sms"), text });
    expect(result).toMatchObject({ kind: "sent", providerMessageId: "m0", segments });
    expect(texts()).toEqual([{ to: "+14155550132", text }]);
    expect(submits.map((submit) => [submit.dataCoding, submit.esmClass])).toEqual(
      Array.from({ length: segments }, () => [dataCoding, segments === 1 ? 0 : 0x40]),
    );
    for (const { shortMessage } of submits) {
      expect(shortMessage.length).toBeLessThanOrEqual(dataCoding === 0 ? (segments === 1 ? 160 : 159) : 140);
      if (segments > 1) expect([...shortMessage.subarray(0, 3)]).toEqual([5, 0, 3]);
    }
  });

  test("parts of two tries of a send belong together, those of another send do not", async () => {
    const { port, submits } = await center();
    const provider = smpp(port);
    const text = "x".repeat(200);
    for (const sendKey of ["aa11", "aa11", "bb22"]) await provider.send({ ...message("sms", { sendKey }), text });
    const references = submits.map(({ shortMessage }) => shortMessage[3]);
    expect(new Set(references.slice(0, 4)).size).toBe(1);
    expect(references[4]).not.toBe(references[0]);
  });

  test("nothing follows a part that was refused", async () => {
    const { port, submits } = await center({ react: (_submit, index) => (index === 1 ? { status: status.throttled } : {}) });
    const result = await smpp(port).send({ ...message("sms"), text: "x".repeat(400) });
    expect(result).toEqual({ kind: "temporary", detail: "deferred by the message center (ESME_RTHROTTLED)" });
    expect(submits).toHaveLength(1);
  });
});

describe("refusals", () => {
  test.each([
    [status.throttled, "temporary", "deferred by the message center (ESME_RTHROTTLED)"],
    [status.queueFull, "temporary", "deferred by the message center (ESME_RMSGQFUL)"],
    [0x0444, "temporary", "deferred by the message center (0x00000444)"],
    [status.invalidDestination, "permanent", "recipient refused (ESME_RINVDSTADR)"],
    [status.invalidLength, "permanent", "message refused (ESME_RINVMSGLEN)"],
    [status.systemError, "unavailable", "the message center can't take messages now (ESME_RSYSERR)"],
    [
      status.invalidSource,
      "unavailable",
      "the message center refused the sender (ESME_RINVSRCADR): check `from`, `ton`, `npi` and `service_type` in its URL",
    ],
  ] as const)("command_status %i is %s", async (refusal, kind, detail) => {
    const { port, submits } = await center({ react: () => ({ status: refusal }) });
    const result = await smpp(port).send(message("sms"));
    expect(result).toMatchObject({ kind, detail });
    expect("refusesSender" in result).toBe(refusal === status.invalidSource);
    expect("isMisconfigured" in result).toBe(false);
    expect(submits).toEqual([]);
  });

  test.each([
    [status.bindFailed, true],
    [status.invalidPassword, true],
    [0x05, undefined],
  ])("a bind refused with %i is unavailable, misconfigured: %s", async (refusal, isMisconfigured) => {
    const { port, submits } = await center({ bindStatus: () => refusal });
    const provider = smpp(port);
    const result = await provider.send(message("sms"));
    expect([result.kind, "isMisconfigured" in result ? result.isMisconfigured : undefined]).toEqual([
      "unavailable",
      isMisconfigured,
    ]);
    expect(await provider.check()).toBe(result.detail);
    expect(submits).toEqual([]);
  });

  test("a check while the running service has the only session says so", async () => {
    const { port } = await center({ bindStatus: () => 0x05 });
    expect(await smpp(port).check()).toBe(
      "the message center has a session of this system id already (ESME_RALYBND): it may be the running service's",
    );
  });

  test("a response without a message id is unknown, and the session goes on", async () => {
    const { port, submits, connections } = await center({
      react: (_submit, index) => (index === 0 ? { instead: "no-id" } : {}),
    });
    const provider = smpp(port);
    expect(await provider.send(message("sms"))).toEqual({
      kind: "unknown",
      detail: "the message center's answer makes no sense",
    });
    expect((await provider.send(message("sms"))).kind).toBe("sent");
    expect([submits.length, connections()]).toEqual([2, 1]);
  });

  test("a message id of thousands of characters makes no sense, and is not remembered", async () => {
    const { port } = await center({ react: () => ({ messageId: "m".repeat(10_000) }) });
    expect(await smpp(port).send(message("sms"))).toEqual({
      kind: "unknown",
      detail: "the message center's answer makes no sense",
    });
  });

  test("a center that forgot the bind gets a new one", async () => {
    let isForgetful = true;
    const { port, connections, until } = await center({
      react: () => (isForgetful ? { status: status.invalidBindStatus } : {}),
    });
    const provider = smpp(port);
    expect((await provider.send(message("sms"))).kind).toBe("unavailable");
    isForgetful = false;
    await until(() => connections() === 2);
    expect((await provider.send(message("sms"))).kind).toBe("sent");
  });
});

describe("the session", () => {
  test("has at most `window` messages without an answer, and the rest wait for a place", async () => {
    let release = (): void => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const started = await center({ react: () => ({ answerAfter: released }) });
    const provider = smpp(started.port, { window: 3 });
    const sending = Array.from({ length: 20 }, (_, index) =>
      provider.send(message("sms", { to: { kind: "phone", value: `+1415555${1000 + index}` } })),
    );
    await started.until(() => started.submits.length === 3);
    // A round trip later there are still three.
    await started.request(commands.enquireLink);
    expect(started.submits).toHaveLength(3);
    release();
    expect((await Promise.all(sending)).every(({ kind }) => kind === "sent")).toBe(true);
    expect([started.mostUnanswered(), started.connections()]).toEqual([3, 1]);
  });

  test("asks for more time if no place gets free", async () => {
    const { port, submits } = await center({ react: () => ({ instead: "silent" }) });
    const provider = smpp(port, { window: 1, answerTimeoutMs: 300, sendTimeoutMs: 400 });
    const [first, second] = await Promise.all([provider.send(message("sms")), provider.send(message("sms"))]);
    expect([first.kind, second.kind]).toEqual(["unknown", "temporary"]);
    expect(submits).toHaveLength(1);
  });

  test("is opened anew by itself after it was lost, also without messages", async () => {
    const { port, dropAll, until, binds } = await center();
    const provider = smpp(port);
    expect(await provider.check()).toBeNull();
    for (const count of [2, 3]) {
      dropAll();
      await until(() => binds.length === count);
    }
    expect((await provider.send(message("sms"))).kind).toBe("sent");
    expect(binds).toHaveLength(3);
  });

  test("is opened anew when the center unbinds", async () => {
    const { port, request, until, binds } = await center();
    const provider = smpp(port);
    expect(await provider.check()).toBeNull();
    expect((await request(commands.unbind)).status).toBe(status.ok);
    await until(() => binds.length === 2);
    expect((await provider.send(message("sms"))).kind).toBe("sent");
  });

  test("is not tried again before the wait is over, so a locked-out login stays quiet", async () => {
    const { port, binds } = await center({ bindStatus: () => status.invalidPassword });
    const provider = smpp(port, { waitMs: 60_000 });
    const results = await Promise.all(Array.from({ length: 20 }, () => provider.send(message("sms"))));
    results.push(await provider.send(message("sms")));
    expect(new Set(results.map(({ kind }) => kind))).toEqual(new Set(["unavailable"]));
    expect(binds).toHaveLength(1);
  });

  test("is checked when it is silent, and given up if the center does not answer", async () => {
    const alive = await center();
    expect(await smpp(alive.port, { enquireMs: 20 }).check()).toBeNull();
    await alive.until(() => alive.requests.filter((name) => name === "enquireLink").length === 3);
    expect(alive.connections()).toBe(1);

    const dead = await center({ answersEnquiries: false });
    expect(await smpp(dead.port, { enquireMs: 20, answerTimeoutMs: 50 }).check()).toBeNull();
    await dead.until(() => dead.connections() === 2);
  });

  test("answers enquire_link, and refuses what it does not know with generic_nack", async () => {
    const { port, request } = await center();
    expect(await smpp(port).check()).toBeNull();
    expect(await request(commands.enquireLink)).toMatchObject({ id: commands.enquireLink + 0x80000000, status: status.ok });
    expect(await request(0x0999)).toMatchObject({ id: commands.genericNack, status: 0x03 });
  });

  test("ends with unbind after running messages got their answers", async () => {
    let release = (): void => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const started = await center({ react: () => ({ answerAfter: released }) });
    const provider = smpp(started.port);
    const sending = provider.send(message("sms"));
    await started.until(() => started.submits.length === 1);
    const closing = provider.close();
    release();
    await closing;
    expect((await sending).kind).toBe("sent");
    expect(started.requests.at(-1)).toBe("unbind");
    expect((await provider.send(message("sms"))).kind).toBe("unavailable");
    expect(started.connections()).toBe(1);
  });

  test("names nothing secret in its troubles", async () => {
    const { port } = await center({ bindStatus: () => status.bindFailed });
    const trouble = await smpp(port, { password: { reveal: () => "hunter2pw" } }).check();
    expect(trouble).toMatch(/ESME_RINVPASWD/);
    expect(trouble).not.toMatch(/hunter2pw|latchkey/);
    expect(trouble).not.toContain(code);
  });
});
