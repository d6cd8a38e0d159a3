import { create } from "@bufbuild/protobuf";
import { type CallOptions, type Client, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { AuthService } from "../gen/client/latchkey/v1/auth_service_pb.js";
import type { User } from "../gen/client/latchkey/v1/user_pb.js";
import { type CallSettings, revokeTimeoutMs, sleepByTimer } from "./call-settings.js";
import { errorDetails } from "./connect-error-details.js";
import { withHeaders } from "./headers.js";
import { createIdempotencyKeys, type IdempotencyKeys } from "./idempotency-keys.js";
import { withRetries } from "./retries.js";

/** A transport of one's own must send cookies itself: `credentials: "include"`. */
export interface CookieClientOptions extends CallSettings {
  /** The session is in a cookie that scripts cannot read. */
  readonly session: "cookie";
}

/**
 * A client of AuthService whose session is in an HttpOnly cookie. The browser stores the cookie and sends it with every call, in all
 * tabs. The client itself stores nothing and renews nothing.
 */
export interface CookieClient {
  /**
   * The methods of AuthService. `verifyOtp` answers without tokens; it sets the cookie. Requests get an idempotency key where they can
   * have one. Methods throw `ConnectError`; `errorDetails` reads it. A call of a signed-out user fails with TOKEN_INVALID.
   */
  readonly auth: Omit<Client<typeof AuthService>, "refreshToken">;
  /**
   * Asks the server for the signed-in user. Returns null if the user is signed out. A server that renders pages passes the browser's
   * cookie on: `{ headers: { cookie } }`. Throws if the server can't be reached.
   */
  currentUser(options?: CallOptions): Promise<User | null>;
  /** Ends the session and removes the cookie. Throws if the server can't be reached; the user then stays signed in. */
  signOut(): Promise<void>;
}

export function createCookieClient(options: CookieClientOptions): CookieClient {
  const { baseUrl, clientId, clock = Date.now, sleep = sleepByTimer } = options;
  const fetch: typeof globalThis.fetch = (input, init) =>
    (options.fetch ?? globalThis.fetch)(input, { ...init, credentials: "include" });
  const ownTransport = options.transport ?? createConnectTransport({ baseUrl, fetch });
  const asking = withHeaders(ownTransport, { "x-latchkey-client": clientId, "x-latchkey-session": "cookie" });
  const { refreshToken: _, ...auth } = createClient(AuthService, withKeys(asking, createIdempotencyKeys(clock)));

  return {
    auth,
    async currentUser(callOptions) {
      try {
        return (await auth.getCurrentUser({}, callOptions)).user ?? null;
      } catch (error) {
        if (errorDetails(error).reason === "TOKEN_INVALID") return null;
        throw error;
      }
    },
    async signOut() {
      await withRetries(() => auth.revokeToken({}, { timeoutMs: revokeTimeoutMs }), sleep);
    },
  };
}

function withKeys(transport: Transport, keys: IdempotencyKeys): Transport {
  return {
    unary: (method, signal, timeoutMs, header, input, contextValues) =>
      keys.keyed(method.input, create(method.input, input), (request) =>
        transport.unary(method, signal, timeoutMs, header, request, contextValues),
      ),
    stream: transport.stream.bind(transport),
  };
}
