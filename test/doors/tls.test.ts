import { connect as connectHttp2 } from "node:http2";
import { connect as connectTls } from "node:tls";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { toTlsOptions } from "../../src/doors/tls.js";
import { AuthService } from "../../src/gen/latchkey/v1/auth_service_pb.js";
import { createFakeApp, type Doors, openDoors } from "../support/rpc.js";
import { createAuthority } from "../support/tls.js";
import { callers, failureOf, type Target, tlsCallers } from "./callers.js";
import { frame, rawGrpc } from "./raw.js";
import { describeTransports } from "./transports.js";

const authority = createAuthority();
const server = authority.issue(["localhost", "127.0.0.1"]);

async function open(options: { clientCa: boolean }): Promise<Doors> {
  const pems = { ...server, clientCa: options.clientCa ? authority.cert : null };
  return await openDoors(createFakeApp(), { tls: toTlsOptions(pems) });
}

describe("with TLS", () => {
  describeTransports(
    async () => {
      const doors = await open({ clientCa: false });
      return { ...doors, tls: { ca: authority.cert }, codeSentTo: async () => "123456" };
    },
    { ...callers, ...tlsCallers },
  );
});

describe("with a client CA", () => {
  const client = authority.issue(["client"], "client");
  const stranger = createAuthority("Stranger CA").issue(["client"], "client");
  const { revokeToken } = AuthService.method;

  let doors: Doors;
  beforeAll(async () => {
    doors = await open({ clientCa: true });
  });
  afterAll(async () => await doors.stop());

  async function call(connect: (typeof callers)[string], pair: Partial<NonNullable<Target["tls"]>>) {
    const caller = connect({ ...doors, tls: { ca: authority.cert, ...pair } });
    onTestFinished(() => caller.close());
    return await caller.call(revokeToken, { token: "t" }, { timeoutMs: 5000 });
  }

  describe.each(Object.entries({ ...callers, ...tlsCallers }))("%s", (_name, connect) => {
    it("is served with a certificate of that CA", async () => {
      await call(connect, client);
    });

    it("is not served without a certificate, or with another's", async () => {
      expect((await failureOf(call(connect, {}))).reason).toBe("");
      expect((await failureOf(call(connect, stranger))).reason).toBe("");
    });
  });
});

describe("K06, K09: broken TLS and HTTP/2", () => {
  let doors: Doors;
  beforeAll(async () => {
    doors = await open({ clientCa: false });
  });
  afterAll(async () => await doors.stop());

  const ports = () => ({ grpc: Number(doors.grpcAddress.split(":")[1]), web: Number(new URL(doors.webUrl).port) });

  /** Sends bytes behind the handshake, and hangs up when the server has answered its settings or closed. */
  function sendAndHangUp(port: number, bytes: string): Promise<void> {
    return new Promise((resolve) => {
      const socket = connectTls({ port, host: "127.0.0.1", ca: authority.cert, ALPNProtocols: ["h2"] });
      socket.on("secureConnect", () => socket.write(bytes, "latin1"));
      socket.on("data", () => setImmediate(() => socket.destroy()));
      socket.on("error", () => {});
      socket.on("close", () => resolve());
    });
  }

  async function expectAlive(): Promise<void> {
    for (const port of Object.values(ports())) {
      const session = connectHttp2(`https://127.0.0.1:${port}`, { ca: authority.cert });
      session.on("error", () => {});
      const path = "/latchkey.v1.AuthService/RevokeToken";
      const answer = await rawGrpc(session, { path, body: [frame(Buffer.from([0x0a, 1, 0x74]))] });
      expect(String(answer.headers["grpc-status"])).toBe("0");
      session.destroy();
    }
  }

  it("end their own connection and nothing else", async () => {
    const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    for (const port of Object.values(ports())) {
      await sendAndHangUp(port, "garbage garbage garbage garbage garbage");
      // A HEADERS frame of invalid HPACK, and a frame larger than any may be.
      await sendAndHangUp(port, `${preface}\0\0\x04\x01\x05\0\0\0\x01\xff\xff\xff\xff`);
      await sendAndHangUp(port, `${preface}\xff\xff\xff\x00\0\0\0\0\x01`);
    }
    await expectAlive();
  });

  it("a flood of calls that are reset at once leaves the server with time for others", async () => {
    for (const port of Object.values(ports())) {
      const session = connectHttp2(`https://127.0.0.1:${port}`, { ca: authority.cert });
      session.on("error", () => {});
      await new Promise((resolve) => session.once("connect", resolve));
      for (let round = 0; round < 40 && !session.destroyed; round++) {
        for (let n = 0; n < 250 && !session.destroyed && !session.closed; n++) {
          const stream = session.request({
            ":method": "POST",
            ":path": "/latchkey.v1.AuthService/RevokeToken",
            "content-type": "application/grpc",
          });
          stream.on("error", () => {});
          stream.close(8);
        }
        await new Promise((resolve) => setImmediate(resolve));
      }
      session.destroy();
    }
    await expectAlive();
  });
});
