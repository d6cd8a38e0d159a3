// A hostile caller: one process, apart from that of the honest load. It works when `run.mjs` asks it to.

import { Agent, request as httpRequest } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const path = "/latchkey.v1.AuthService/RegisterUser";
const grpcHeaders = { ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers" };
const webHeaders = { "content-type": "application/proto", "connect-protocol-version": "1" };

/** Zeros that take some 150 bytes to send. */
const zeros = { gzip: Buffer.alloc(120_000), br: Buffer.alloc(96 * 2 ** 20) };
const bombs = {
  gzip: gzipSync(zeros.gzip, { level: 9 }),
  br: brotliCompressSync(zeros.br, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } }),
};

/** A message of 65,400 values of the repeated field `verification_sources`, each of one byte. */
const verificationSources = 6;
const items = 65_400;
const manyItems = gzipSync(
  Buffer.concat([
    Buffer.of((verificationSources << 3) | 2, (items & 127) | 128, ((items >> 7) & 127) | 128, items >> 14),
    Buffer.alloc(items),
  ]),
  { level: 9 },
);

const connections = 40;
const streamsEach = 100;
/** The sizes of unfinished messages, in turn: as large as any may be, and larger. */
const unfinishedBytes = [31_000, 60_000];

function framed(message, { compressed, length = message.length }) {
  const head = Buffer.alloc(5);
  head.writeUInt8(compressed ? 1 : 0);
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, message]);
}

function createAttack({ grpcPort, webPort }) {
  const sessions = Array.from({ length: connections }, () => connectHttp2(`http://127.0.0.1:${grpcPort}`));
  for (const session of sessions) session.on("error", () => {});
  const agent = new Agent({ keepAlive: true, maxSockets: 20 });
  const seen = {};
  const count = (what) => {
    seen[what] = (seen[what] ?? 0) + 1;
  };

  function overGrpc(body) {
    const stream = sessions[0].request({ ...grpcHeaders, "grpc-encoding": "gzip" });
    stream.on("response", (headers) => count(`gRPC ${headers["grpc-status"]}`));
    stream.on("error", () => count("gRPC error"));
    stream.end(framed(body, { compressed: true }));
    stream.resume();
  }

  function overWeb(body, encoding) {
    const headers = { ...webHeaders, "content-encoding": encoding, "content-length": body.length };
    const sent = httpRequest({ host: "127.0.0.1", port: webPort, path, method: "POST", agent, headers }, (response) => {
      count(`web ${response.statusCode}`);
      response.resume();
    });
    sent.on("error", () => count("web error"));
    sent.end(body);
  }

  let begun = 0;
  function leaveUnfinished() {
    const stream = sessions[begun % connections].request(grpcHeaders);
    const bytes = unfinishedBytes[begun % unfinishedBytes.length];
    begun += 1;
    stream.on("error", () => {});
    stream.on("close", () => count(`unfinished ended ${stream.rstCode}`));
    stream.resume();
    stream.write(framed(Buffer.alloc(bytes), { compressed: false, length: bytes + 500 }));
  }

  return {
    perSecond: [
      [40, () => overWeb(bombs.br, "br")],
      [40, () => overWeb(bombs.gzip, "gzip")],
      [40, () => overGrpc(bombs.gzip)],
      [40, () => overWeb(manyItems, "gzip")],
      [40, () => overGrpc(manyItems)],
    ],
    leaveUnfinished,
    seen,
    stop() {
      for (const session of sessions) session.destroy();
      agent.destroy();
    },
  };
}

globalThis.answer({
  ready: () => ({}),
  /** Attacks for `ms`. Gives how the calls ended. */
  async attack({ ms, ...ports }) {
    const attack = createAttack(ports);
    const perMs = (connections * streamsEach) / ms;
    const acts = [...attack.perSecond.map(([rate, act]) => [rate / 1000, act]), [perMs, attack.leaveUnfinished]];
    const done = acts.map(() => 0);
    const startedAt = performance.now();
    for (let now = 0; now < ms; now = performance.now() - startedAt) {
      for (const [n, [rate, act]] of acts.entries()) for (; done[n] < rate * now; done[n] += 1) act();
      await sleep(2);
    }
    attack.stop();
    return { sizes: { br: bombs.br.length, gzip: bombs.gzip.length, items: manyItems.length }, seen: attack.seen };
  },
});
