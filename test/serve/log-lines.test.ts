import { once } from "node:events";
import { connect } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { endServers, productionEnv, type Server, startServer, until } from "../support/server.js";
import { startMailServer } from "../support/smtp.js";
import { reasonOf } from "./sign-in.js";

let server: Server;
let mail: Awaited<ReturnType<typeof startMailServer>>;

beforeAll(async () => {
  mail = await startMailServer();
  server = await startServer({ ...productionEnv(mail.port), LATCHKEY_LOG_LEVEL: "debug" });
});

afterAll(async () => {
  await endServers();
  await mail.stop();
});

const forged = '{"level":"info","msg":"forged"}';
// Everything that begins a line or drives a terminal somewhere: next line, separators, C1 escape, direction changes, a BOM.
const tricks = `\u0085${forged}\u2028${forged}\u2029\u009b31m\u202e\ufeff`;

/** Sends bytes as they are, which no HTTP client would. */
async function raw(headers: string, body: string): Promise<void> {
  const socket = connect(Number(new URL(server.httpUrl).port), "127.0.0.1");
  socket.on("error", () => {});
  const head = `POST /latchkey.v1.AuthService/SendOtp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`;
  const length = `Content-Length: ${Buffer.byteLength(body)}\r\nConnect-Protocol-Version: 1\r\nConnection: close\r\n`;
  socket.write(Buffer.concat([Buffer.from(head + length), Buffer.from(headers, "latin1"), Buffer.from(`\r\n${body}`)]));
  socket.resume();
  await once(socket, "close");
}

it("M04: whatever callers write, the log has one line of JSON a record and nothing that drives a terminal", async () => {
  const email = "ada@example.com";
  await raw(`User-Agent: \x9b31m\x85${forged}\xff\r\nTraceparent: ${forged}\r\n`, JSON.stringify({ email }));
  await raw(`User-Agent: a\nX-Log: ${forged}\r\nX-Request-Id: \x1b[31m\r\n`, JSON.stringify({ email: "b@example.com" }));
  await raw(`X-Latchkey-Client: ${forged}\r\n`, JSON.stringify({ email }));
  await raw(`X-Forwarded-For: ${forged}\r\n`, JSON.stringify({ email: `a${tricks}@example.com` }));
  await reasonOf(server.auth.registerUser({ email: "grace@example.com", displayName: tricks }));
  await reasonOf(server.grpc.sendOtp({ identifier: { case: "email", value: `"${tricks}"@example.com` } }));
  await reasonOf(server.grpc.sendOtp({ identifier: { case: "username", value: `ada${tricks}` } }));
  await reasonOf(server.grpc.verifyOtp({ challengeId: "unknown", code: "123456", expectedContact: tricks }));
  await reasonOf(server.grpc.revokeToken({ token: tricks }));
  await server.auth.registerUser({ email: "lin@example.com" });
  await until("the mails", () => server.stdout.filter((line) => line.includes('"code sent"')).length > 0 || undefined);
  const { stdout, stderr } = await server.stop();

  expect(stderr).toEqual([]);
  const records = stdout.map((line) => JSON.parse(line) as { level: string; msg: string; time: string; purpose?: string });
  for (const [n, { level, msg, time }] of records.entries()) {
    expect(["debug", "info", "warn", "error"]).toContain(level);
    expect(typeof msg).toBe("string");
    expect(Number.isNaN(Date.parse(time))).toBe(false);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
    expect(stdout[n]).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\p{Cf}]/u);
  }
  expect(records.filter(({ msg }) => msg === "forged")).toEqual([]);
  const registrations = records.filter(({ msg, purpose }) => msg === "challenge issued" && purpose === "registration");
  expect(registrations).toHaveLength(1);
  expect(records.filter(({ msg }) => msg === "stopped")).toHaveLength(1);
});
