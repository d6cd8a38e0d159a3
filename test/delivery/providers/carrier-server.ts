import http from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import type { Certificate } from "../../support/tls.js";
import type { Behaviour } from "./contract.js";

export interface Asked {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Received {
  readonly to: string;
  readonly text: string;
}

/** How a carrier's API looks: what a message is, and what it answers. */
export interface Shape {
  /** Returns the message of a request, or null for another request, such as one for a token. Throws if it is not as published. */
  read(asked: Asked): Received | null;
  /** The answer to the message that is the `count`th. */
  accept(asked: Asked, count: number): Answer;
  readonly refuse: Answer;
  readonly lockOut: Answer;
  readonly busy?: Answer;
  /** The answer to a request that is no message. */
  other?(asked: Asked): Answer;
}

export interface CarrierServer {
  readonly origin: string;
  readonly received: readonly Received[];
  readonly asked: readonly Asked[];
  behave(how: Behaviour): void;
  stop(): Promise<void>;
}

/** Starts a carrier on loopback. `behave` decides about the next message. With a certificate it speaks https. */
export async function startCarrier(shape: Shape, certificate?: Certificate): Promise<CarrierServer> {
  const received: Received[] = [];
  const asked: Asked[] = [];
  let next: Behaviour | null = null;
  const timers = new Set<NodeJS.Timeout>();

  const listener: http.RequestListener = (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { method = "", url: path = "", headers } = request;
      const got = { method, path, headers, body: Buffer.concat(chunks).toString("utf8") };
      asked.push(got);
      const answer = ({ status, body, headers: more }: Answer): void => {
        const text = typeof body === "string" ? body : JSON.stringify(body);
        response.writeHead(status, { "content-type": "application/json", ...more });
        response.end(text);
      };
      const message = shape.read(got);
      const how = next;
      if (message === null && how !== "lock-out") return answer(shape.other?.(got) ?? { status: 200, body: {} });
      next = null;
      if (how === "lock-out") return answer(shape.lockOut);
      if (how === "busy") {
        return answer({
          ...(shape.busy ?? { status: 429, body: {} }),
          headers: { "retry-after": "7", ...shape.busy?.headers },
        });
      }
      if (how === "refuse") return answer(shape.refuse);
      if (how === "malformed") return answer({ status: 200, body: "<html>nonsense" });
      if (how === "redirect") return answer({ status: 302, headers: { location: path }, body: {} });
      received.push(message!);
      if (how === "reset") return void request.socket.destroy();
      if (how === "accept-silently") return;
      const accepted = shape.accept(got, received.length);
      if (how === "huge") return answer({ ...accepted, body: `${JSON.stringify(accepted.body)}${" ".repeat(65 * 1024)}` });
      if (how !== "slow") return answer(accepted);
      const timer = setTimeout(() => answer(accepted), 100);
      timers.add(timer);
    });
  };
  const server = certificate === undefined ? http.createServer(listener) : https.createServer(certificate, listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `${certificate === undefined ? "http" : "https"}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    asked,
    behave: (how) => {
      next = how;
    },
    async stop() {
      for (const timer of timers) clearTimeout(timer);
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Starts a carrier that gives every request the same answer. */
export function startAnswering(answer: Answer, certificate?: Certificate): Promise<CarrierServer> {
  const shape = { read: () => null, other: () => answer, accept: () => answer, refuse: answer, lockOut: answer };
  return startCarrier(shape, certificate);
}
