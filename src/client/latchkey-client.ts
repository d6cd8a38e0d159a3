import { type Client, createClient, type Transport, type UnaryResponse } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { AuthService, type VerifyOtpResponse } from "../gen/latchkey/v1/auth_service_pb.js";
import { createChanges, type SessionChange, type SignedIn, toSignedIn } from "./changes.js";
import { createIdempotencyKeys } from "./idempotency-keys.js";
import { indexedDbTokenStore } from "./indexed-db-token-store.js";
import { createRenewal } from "./renewal.js";
import { type Sleep, withRetries } from "./retries.js";
import { withClientId, withSession } from "./session-transport.js";
import { toStoredSession } from "./stored-session.js";
import { memoryTokenStore, type StoredSession, type TokenStore } from "./token-store.js";
import { createTurns } from "./turns.js";

export interface LatchkeyClientOptions {
  /** Where the service answers Connect calls, `https://auth.example.com`. */
  readonly baseUrl: string;
  /** The public client to call as. Default: the deployment's default client, if it has one. */
  readonly clientId?: string;
  /** Default: IndexedDB where there is one, else memory. A server that acts for several users gives each a store of its own. */
  readonly tokenStore?: TokenStore;
  /** Default: the global one. */
  readonly fetch?: typeof globalThis.fetch;
  /** Another transport than Connect over fetch, gRPC-Web or gRPC for instance. `fetch` is then not used. */
  readonly transport?: Transport;
  /** Milliseconds since 1970. Default: the device's clock. */
  readonly clock?: () => number;
  /** The pause between tries of a renewal. Default: a timer. */
  readonly sleep?: Sleep;
}

/** A client of AuthService that signs in, stays signed in, and signs out. */
export interface LatchkeyClient {
  /**
   * The generated client. VerifyOtp's tokens are kept, calls for the user are made with them, and renewals happen by themselves;
   * hence no `refreshToken` here: a token that somebody else exchanges looks stolen to the server. Requests that may have an
   * idempotency key get one. Throws `ConnectError`; `errorDetails` reads its reason.
   */
  readonly auth: Omit<Client<typeof AuthService>, "refreshToken">;
  /** Who is signed in. Null: nobody. Asks the store, not the server. */
  session(): Promise<SignedIn | null>;
  /**
   * A good access token for the app's own backend. Null: nobody is signed in. `refused`: the token that the backend answered 401
   * to, which is renewed. Throws if only a renewal would give one and the server can't be reached; that is not a sign-out.
   */
  getAccessToken(options?: { readonly refused?: string }): Promise<string | null>;
  /**
   * Signs out on this device at once, whatever the network does, then ends the session on the server. False: the server could not
   * be told, and the session lives there until it expires or the user ends it from another device.
   */
  signOut(): Promise<boolean>;
  /** Tells of sign-ins, renewals and sign-outs, in other pages of the origin as well. Gives back what ends the listening. */
  onChange(listener: (change: SessionChange) => void): () => void;
  /** Stops listening to other pages. The sign-in stays stored. */
  close(): void;
}

/** Makes a client. Asks nothing of network or storage before it is used. */
export function createLatchkeyClient(options: LatchkeyClientOptions): LatchkeyClient {
  const { baseUrl, clientId, clock = Date.now, sleep = sleepByTimer } = options;
  const name = `latchkey:${baseUrl.replace(/\/+$/, "")}:${clientId ?? ""}`;
  const store = options.tokenStore ?? (typeof indexedDB === "undefined" ? memoryTokenStore() : indexedDbTokenStore(name));
  const changes = createChanges(store, name);
  const ownTransport = options.transport ?? createConnectTransport({ baseUrl, fetch: options.fetch });
  const transport = withClientId(ownTransport, clientId);
  const plain = createClient(AuthService, transport);
  const turns = createTurns(store, name);
  const renewal = createRenewal({ store, turns, changes, refreshToken: plain.refreshToken, clock, sleep });

  async function clear(): Promise<StoredSession | null> {
    let cleared: StoredSession | null = null;
    await store.update((current) => {
      cleared = current;
      return null;
    });
    if (cleared !== null) await changes.tell({ kind: "signed-out", reason: null });
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
    await changes.tell({ kind: "signed-in", reason: null });
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

const revokeTimeoutMs = 10_000;

function sleepByTimer(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
