import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Webhook } from "standardwebhooks";
import { vi } from "vitest";

/** A question that the hook was asked. */
export interface Question {
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: JSON
  readonly body: any;
}

/** Answers a question. */
export type Answering = (response: ServerResponse, question: Question) => void;

/** A registration hook on loopback, as an app would write one. */
export interface HookServer {
  readonly url: string;
  readonly questions: readonly Question[];
  /** Sets what it answers from now on. By default it allows. */
  answer(by: Answering): void;
  stop(): void;
}

export async function startHookServer(): Promise<HookServer> {
  const questions: Question[] = [];
  let by: Answering = json({ decision: "allow" });
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const question = { headers: request.headers, text, body: JSON.parse(text) };
    questions.push(question);
    by(response, question);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/registration`,
    questions,
    answer(next) {
      by = next;
    },
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Answers with JSON. */
export function json(body: unknown, status = 200): (response: ServerResponse) => void {
  return (response) => void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

/** Verifies a question as the hook of an app does, at the time of the test's clock. Throws if the signature is wrong. */
export function verifyQuestion(secret: string, { headers, text }: Question, now: number): unknown {
  vi.useFakeTimers({ toFake: ["Date"], now });
  try {
    return new Webhook(secret).verify(text, headers as Record<string, string>);
  } finally {
    vi.useRealTimers();
  }
}
