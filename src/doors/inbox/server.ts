import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Inbox } from "../../delivery/taps/inbox.js";
import { refuseForeign } from "../same-machine.js";
import { inboxPage } from "./page.js";

interface Answer {
  readonly status: number;
  readonly type: "text/html" | "application/json" | "text/plain";
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Serves the developer inbox: a page at `/`, JSON at `/messages?to=<destination>`. Only for a loopback listener of its own, in
 * development. Every program on the machine can read its codes, but no web page except its own.
 */
export function createInboxServer(inbox: Inbox): Server {
  const page = inboxPage();
  const server = createServer((request, response) => {
    const refused = refuse(request);
    send(request, response, refused ?? answer(inbox, page, request.url ?? "/"));
  });
  server.headersTimeout = 10_000;
  server.requestTimeout = 10_000;
  return server;
}

function refuse(request: IncomingMessage): Answer | null {
  const foreign = refuseForeign(request, "The developer inbox");
  if (foreign !== null) return plain(foreign.status, foreign.sentence);
  if (request.method !== "GET" && request.method !== "HEAD") {
    return { ...plain(405, "The developer inbox is read-only. Use GET or HEAD."), headers: { Allow: "GET, HEAD" } };
  }
  return null;
}

function answer(inbox: Inbox, page: ReturnType<typeof inboxPage>, target: string): Answer {
  const query = target.indexOf("?");
  const path = query < 0 ? target : target.slice(0, query);
  if (path === "/") {
    return {
      status: 200,
      type: "text/html",
      body: page.html,
      headers: { "Content-Security-Policy": page.contentSecurityPolicy },
    };
  }
  if (path !== "/messages") return plain(404, "Nothing is served here. The inbox is at / and its messages are at /messages.");
  const to = new URLSearchParams(query < 0 ? "" : target.slice(query + 1)).get("to");
  // No destination contains a space: it was an unescaped plus in the query.
  const messages = to === null ? inbox.list() : inbox.list(to.replaceAll(" ", "+"));
  return { status: 200, type: "application/json", body: JSON.stringify(messages) };
}

function plain(status: number, sentence: string): Answer {
  return { status, type: "text/plain", body: `${sentence}\n` };
}

function send(request: IncomingMessage, response: ServerResponse, { status, type, body, headers }: Answer): void {
  response.writeHead(status, {
    "Content-Type": `${type}; charset=utf-8`,
    "Content-Length": Buffer.byteLength(body),
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    ...headers,
  });
  response.end(request.method === "HEAD" ? undefined : body);
}
