import { Code, ConnectError, type Transport } from "@connectrpc/connect";

/** What happens to a call on its way: nothing, a lost request, a lost reply, or any other error before the server. */
export type Fault = "none" | "request" | "reply" | ConnectError;

/** A transport whose calls suffer what `fault` says, method by method. */
export function withFaults(transport: Transport, fault: (method: string) => Fault | Promise<Fault>): Transport {
  return {
    ...transport,
    async unary(method, ...rest) {
      const happens = await fault(method.localName);
      if (happens instanceof ConnectError) throw happens;
      // What connect-web makes of a failed fetch.
      if (happens === "request") throw new ConnectError("Failed to fetch", Code.Unknown);
      const reply = await transport.unary(method, ...rest);
      if (happens === "reply") throw new ConnectError("Failed to fetch", Code.Unknown);
      return reply;
    },
  };
}

/** Numbers in [0, 1) that are the same for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
