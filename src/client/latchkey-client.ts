import { type Client, createClient, type UnaryResponse } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { AuthService, type VerifyOtpResponse } from "../gen/client/latchkey/v1/auth_service_pb.js";
import { type CallSettings, revokeTimeoutMs, sleepByTimer } from "./call-settings.js";
import { createChanges, type SessionChange, type SignedIn, toSignedIn } from "./changes.js";
import { type CookieClient, type CookieClientOptions, createCookieClient } from "./cookie-client.js";
import { withHeaders } from "./headers.js";
import { createIdempotencyKeys } from "./idempotency-keys.js";
import { indexedDbTokenStore } from "./indexed-db-token-store.js";
import { createRenewal } from "./renewal.js";
import { withRetries } from "./retries.js";
import { withSession } from "./session-transport.js";
import { toStoredSession } from "./stored-session.js";
import { memoryTokenStore, type StoredSession, type TokenStore } from "./token-store.js";
import { createTurns } from "./turns.js";

export interface LatchkeyClientOptions extends CallSettings {
  /** Where the session is: in tokens that the client stores (the default), or in a cookie (`CookieClientOptions`). */
  readonly session?: "tokens";
  /**
   * Where the session is stored. Default: IndexedDB in browsers, memory elsewhere. One store holds one user's session, so a server
   * that acts for several users needs a client and a store for each.
   */
  readonly tokenStore?: TokenStore;
}

/** A client of AuthService that stores the session and renews it. */
export interface LatchkeyClient {
  /**
   * The methods of AuthService. The client stores the tokens that `verifyOtp` returns, sends the access token with the user's calls,
   * and renews it. `refreshToken` is missing on purpose: only the client may use the refresh token, because the server takes a second
   * use for theft. Requests get an idempotency key where they can have one. Methods throw `ConnectError`; `errorDetails` reads it.
   */
  readonly auth: Omit<Client<typeof AuthService>, "refreshToken">;
  /** The signed-in user's session, read from the store. Null if the user is signed out. */
  session(): Promise<SignedIn | null>;
  /**
   * A valid access token for the app's own backend. Null if the user is signed out. If the backend answers 401, call this again with
   * the rejected token in `refused` to get a new one. Throws if the token has to be renewed and the server can't be reached; the user
   * stays signed in.
   */
  getAccessToken(options?: { readonly refused?: string }): Promise<string | null>;
  /**
   * Deletes the session on this device, even without a network, then ends it on the server. Returns false if the server could not be
   * reached: the session then stays valid there until it expires or the user ends it from another device.
   */
  signOut(): Promise<boolean>;
  /**
   * Calls the listener after each sign-in, renewal and sign-out, in this page or another page of the origin. Returns a function that
   * removes the listener.
   */
  onChange(listener: (change: SessionChange) => void): () => void;
  /** Stops listening to other pages. The session stays stored. */
  close(): void;
}

/** Creates a client. It uses neither network nor storage until the first call. */
export function createLatchkeyClient(options: LatchkeyClientOptions): LatchkeyClient;
export function createLatchkeyClient(options: CookieClientOptions): CookieClient;
export function createLatchkeyClient(options: LatchkeyClientOptions | CookieClientOptions): LatchkeyClient | CookieClient {
  return options.session === "cookie" ? createCookieClient(options) : createTokenClient(options);
}

function createTokenClient(options: LatchkeyClientOptions): LatchkeyClient {
  const { baseUrl, clientId, clock = Date.now, sleep = sleepByTimer } = options;
  const name = `latchkey:${baseUrl.replace(/\/+$/, "")}:${clientId ?? ""}`;
  const store = options.tokenStore ?? (typeof indexedDB === "undefined" ? memoryTokenStore() : indexedDbTokenStore(name));
  const changes = createChanges(store, name);
  const ownTransport = options.transport ?? createConnectTransport({ baseUrl, fetch: options.fetch });
  const transport = withHeaders(ownTransport, { "x-latchkey-client": clientId });
  const plain = createClient(AuthService, transport);
  const turns = createTurns(store, name);
  const renewal = createRenewal({ store, turns, changes, refreshToken: plain.refreshToken, clock, sleep });

  async function clear(): Promise<StoredSession | null> {
    let cleared: StoredSession | null = null;
    await store.update((current) => {
      cleared = current;
      return null;
    });
    if (cleared !== null) await changes.announce({ kind: "signed-out", reason: null });
    return cleared;
  }

  async function onReply(
    { method, message }: UnaryResponse,
    { askedAt, asUser }: { readonly askedAt: number; readonly asUser: boolean },
  ): Promise<void> {
    if (method === AuthService.method.deleteCurrentUser && asUser) await clear();
    if (method !== AuthService.method.verifyOtp) return;
    const { tokens, user } = message as VerifyOtpResponse;
    if (tokens === undefined) return;
    const session = toStoredSession(tokens, { userId: user?.userId ?? "", askedAt });
    await store.update(() => session);
    await changes.announce({ kind: "signed-in", reason: null });
  }

  const idempotencyKeys = createIdempotencyKeys(clock);
  const { refreshToken: _, ...auth } = createClient(
    AuthService,
    withSession({ transport, renewal, idempotencyKeys, onReply, clock }),
  );

  return {
    auth,
    session: async () => toSignedIn(await store.read()),
    async getAccessToken({ refused } = {}) {
      const { session } = await renewal.current();
      if (session === null || session.accessToken !== refused) return session?.accessToken ?? null;
      return (await renewal.renew(refused)).session?.accessToken ?? null;
    },
    async signOut() {
      const session = await clear();
      if (session === null) return true;
      try {
        await withRetries(() => plain.revokeToken({ token: session.refreshToken }, { timeoutMs: revokeTimeoutMs }), sleep);
        return true;
      } catch {
        return false;
      }
    },
    onChange: changes.listen,
    close: changes.close,
  };
}
