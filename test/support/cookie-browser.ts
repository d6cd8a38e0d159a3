import type { TestApp } from "./app.js";

/** The origin of the app's pages in tests of the cookie. */
export const pageOrigin = "https://app.example.com";

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: Record<string, unknown>;
  /** Of the refusal; empty if the call succeeded, and if the answer is no error of Latchkey. */
  readonly reason: string;
}

export interface PostOptions {
  /** Null: the request has no Origin. Default: the page of the app. */
  readonly origin?: string | null;
  /** What the browser sends. Default: the cookie that it keeps. */
  readonly cookie?: string;
  /** Added to those of a call in cookie mode. An empty value leaves the header out. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly method?: string;
}

/** A browser that keeps the session cookie, with a page of the app that calls in cookie mode over Connect JSON. */
export interface CookieBrowser {
  /** `__Host-latchkey=lkc_…`; empty if the browser has none. */
  cookie(): string;
  /** Sends a request as the page, or as `options` say. Keeps the cookie of the answer. */
  post(rpc: string, body: object | string, options?: PostOptions): Promise<Answer>;
  /** Gets a code by e-mail and signs in with it, making the user if need be. Returns VerifyOtp's answer. */
  signIn(email: string, options?: PostOptions): Promise<Answer>;
}

export function openBrowser(on: TestApp): CookieBrowser {
  let kept = "";

  async function post(rpc: string, body: object | string, options: PostOptions = {}): Promise<Answer> {
    const { origin = pageOrigin, cookie = kept, method = "POST" } = options;
    const headers = new Headers({
      "content-type": "application/json",
      "connect-protocol-version": "1",
      "x-latchkey-session": "cookie",
      ...(cookie === "" ? {} : { cookie }),
      ...(origin === null ? {} : { origin }),
    });
    for (const [name, value] of Object.entries(options.headers ?? {})) {
      if (value === "") headers.delete(name);
      else headers.set(name, value);
    }
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const path = `/latchkey.v1.AuthService/${rpc}`;
    const init = { method, headers, body: method === "GET" || method === "HEAD" ? undefined : text };
    const response = await fetch(`http://127.0.0.1:${on.app.httpPort}${path}`, init);
    keep(response.headers.getSetCookie());
    return await readAnswer(response);
  }

  function keep(lines: readonly string[]): void {
    for (const line of lines) kept = /; Max-Age=0;/.test(line) ? "" : line.split(";")[0]!;
  }

  return {
    cookie: () => kept,
    post,
    async signIn(email, options) {
      const sent = await post("SendOtp", { email, createUserIfMissing: true }, options);
      const challenge = sent.body.challenge as { challengeId: string };
      const { challengeId, code } = await on.messageOf(challenge);
      return await post("VerifyOtp", { challengeId, code }, options);
    },
  };
}

async function readAnswer(response: Response): Promise<Answer> {
  const text = await response.text();
  const body = text.startsWith("{") ? (JSON.parse(text) as Record<string, unknown>) : {};
  const details = (body.details ?? []) as { readonly debug?: { readonly reason?: string } }[];
  const reason = details.map(({ debug }) => debug?.reason).find((found) => found !== undefined) ?? "";
  return { status: response.status, headers: response.headers, text, body, reason };
}
