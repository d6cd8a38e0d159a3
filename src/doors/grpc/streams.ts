import { constants, type Http2Session, type ServerHttp2Stream } from "node:http2";
import { type StatusObject, status } from "@grpc/grpc-js";
import { wireError } from "../../rpc/errors.js";
import type { NetworkOf } from "../address.js";
import { toStatusObject } from "./status.js";

/** Limits of calls that do not end by themselves: health watches and reflection. */
export interface StreamLimits {
  readonly perConnection: number;
  readonly perNetwork: number;
  readonly total: number;
  readonly lastMs: number;
}

/**
 * A client has one watch on each connection, and a tool has one reflection stream beside it. A stream keeps its headers of at
 * most 8 KiB, which take about 50 kB: 100 MB for all streams. Occupying all streams takes ten networks, as occupying all
 * connections does. Connections end after half an hour. Ten minutes free streams earlier, and a client that watches reconnects
 * at once.
 */
const defaults: StreamLimits = { perConnection: 4, perNetwork: 200, total: 2000, lastMs: 10 * 60_000 };

/** How long a peer may take to read the end of a stream. */
const lastBytesMs = 10_000;

export interface StreamingCall {
  readonly stream: ServerHttp2Stream;
  sendStatus(given: Partial<StatusObject>): void;
}

/** Refuses a new streaming call above a limit. Otherwise ends it after its time. */
export type LimitStream = (call: StreamingCall) => void;

export function limitStreams(networkOf: NetworkOf, limits: Partial<StreamLimits> = {}): LimitStream {
  const { perConnection, perNetwork, total, lastMs } = { ...defaults, ...limits };
  const running = new Map<Http2Session | string, number>();
  const refusal = toStatusObject(wireError("OVERLOADED"));

  function add(key: Http2Session | string, count: 1 | -1): void {
    const left = (running.get(key) ?? 0) + count;
    if (left === 0) running.delete(key);
    else running.set(key, left);
  }

  return (call) => {
    const { stream } = call;
    const { session } = stream;
    if (session === undefined) return;
    const network = networkOf(session.socket.remoteAddress);
    const bounds: [Http2Session | string, number][] = [
      [session, perConnection],
      ["all", total],
    ];
    // A trusted proxy carries calls of many networks.
    if (network !== null) bounds.push([`network ${network}`, perNetwork]);
    if (bounds.some(([key, max]) => (running.get(key) ?? 0) >= max)) {
      call.sendStatus(refusal);
      return;
    }
    for (const [key] of bounds) add(key, 1);
    let timer = setTimeout(() => {
      call.sendStatus({ code: status.OK, details: "" });
      timer = setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), lastBytesMs);
    }, lastMs);
    stream.once("close", () => {
      clearTimeout(timer);
      for (const [key] of bounds) add(key, -1);
    });
  };
}
