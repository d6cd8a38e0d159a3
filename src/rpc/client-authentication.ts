import { timingSafeEqual } from "node:crypto";
import type { Directory, Registered } from "../apps/directory.js";
import { clientFailureCharge } from "../auth/budgets.js";
import type { Deps } from "../auth/deps.js";
import { AuthError } from "../auth/errors.js";
import { tooManyRequests } from "../auth/limits.js";
import { applicationOf, verifyApplicationToken } from "../crypto/application-token.js";
import { clientOfAssertion, verifyClientAssertion } from "../crypto/client-assertion.js";
import { clientSecretHash } from "../crypto/client-secret.js";
import { addressList } from "../lib/network.js";
import type { Client, ClientSecret } from "../model/client.js";
import type { Limit } from "../model/limit.js";
import type { EpochMs } from "../model/time.js";
import type { Store } from "../store/port/store.js";
import type { ClientCredentials } from "./credentials.js";

/** Authenticates confidential clients. */
export interface ClientAuthentication {
  /**
   * Returns the client that the credentials prove. Throws CLIENT_INVALID for every failure alike, or TOO_MANY_REQUESTS after too many
   * failures from the network of `address`. Right credentials are never refused because of failures.
   */
  authenticate(credentials: ClientCredentials, address: string): Promise<Registered>;
}

export interface ClientAuthenticationDeps extends Pick<Deps, "clock" | "metrics" | "log"> {
  readonly store: {
    readonly budgets: Pick<Store["budgets"], "spend">;
    readonly apps: Pick<Store["apps"], "noteSecretUse" | "useAssertion">;
  };
  readonly lookup: Pick<Deps["lookup"], "network">;
  readonly directory: Directory;
  /** The audiences that assertions may have: the issuer and the token endpoint. */
  readonly audiences: readonly string[];
  /** For the failures from one network. Empty: not limited. */
  readonly failureLimits: readonly Limit[];
}

const hourMs = 60 * 60_000;

/** The limit of failed authentications from one network. */
export const failureLimits: readonly Limit[] = [{ max: 10, windowMs: hourMs }];

export function createClientAuthentication(deps: ClientAuthenticationDeps): ClientAuthentication {
  const { store, directory } = deps;
  const noteUse = createUseNotes(deps);

  async function bySecret({ clientId, secret }: Extract<ClientCredentials, { kind: "secret" }>): Promise<Registered | string> {
    const registered = await directory.lookUp(clientId);
    const now = deps.clock();
    const match = matchingSecret(registered?.client.secrets ?? [], secret, now);
    if (registered === null || match === null) return registered === null ? "unknown client" : "wrong or expired secret";
    noteUse(match, now);
    return registered;
  }

  async function byAssertion(assertion: string): Promise<Registered | string> {
    const clientId = clientOfAssertion(assertion);
    if (clientId === null) return "the assertion names no client";
    const registered = await directory.lookUp(clientId);
    if (registered === null) return "unknown client";
    const { jwks } = registered.client;
    const now = deps.clock();
    const claims = await verifyClientAssertion(assertion, { clientId, jwks, audiences: deps.audiences, now });
    if (claims === null) return "the assertion is not valid";
    const isFirstUse = await store.apps.useAssertion({ clientId: registered.client.clientId, ...claims });
    return isFirstUse ? registered : "the assertion was used before";
  }

  async function byApplicationToken(token: string): Promise<Registered | string> {
    const clientId = applicationOf(token);
    const registered = clientId === null ? null : await directory.lookUp(clientId);
    if (registered === null) return "unknown client";
    const isValid = await verifyApplicationToken(token, { jwks: registered.client.jwks, now: deps.clock() });
    return isValid ? registered : "the application token is not valid";
  }

  async function prove(credentials: ClientCredentials): Promise<Registered | string> {
    if (credentials.kind === "secret") return await bySecret(credentials);
    if (credentials.kind === "assertion") return await byAssertion(credentials.assertion);
    return await byApplicationToken(credentials.token);
  }

  async function refuse(detail: string, address: string): Promise<never> {
    const now = deps.clock();
    if (deps.failureLimits.length > 0) {
      const charges = [clientFailureCharge(deps.lookup.network(address), deps.failureLimits)];
      const limited = await store.budgets.spend({ charges, now });
      if (limited !== null) throw tooManyRequests(deps, "client_failure", limited, now);
    }
    throw new AuthError("CLIENT_INVALID", { detail });
  }

  return {
    async authenticate(credentials, address) {
      const proven = await prove(credentials);
      if (typeof proven === "string") return await refuse(proven, address);
      if (proven.client.kind !== "confidential") return await refuse("a public client has no credentials", address);
      if (!mayCallFrom(proven.client, address)) return await refuse("the client may not call from this address", address);
      return proven;
    },
  };
}

/** Compares with every secret, so that the time does not tell which one matches. */
function matchingSecret(secrets: readonly ClientSecret[], given: string, now: EpochMs): ClientSecret | null {
  const hash = clientSecretHash(given);
  if (hash === null) return null;
  let match: ClientSecret | null = null;
  for (const secret of secrets) {
    const isEqual = secret.hash.length === hash.length && timingSafeEqual(secret.hash, hash);
    if (isEqual && (secret.expiresAt === null || secret.expiresAt > now)) match = secret;
  }
  return match;
}

const addressLists = new WeakMap<readonly string[], (address: string) => boolean>();

/** Returns whether the client may authenticate from this canonical address. */
export function mayCallFrom({ allowedAddresses }: Client, address: string): boolean {
  if (allowedAddresses.length === 0) return true;
  let list = addressLists.get(allowedAddresses);
  if (list === undefined) {
    list = addressList(allowedAddresses);
    addressLists.set(allowedAddresses, list);
  }
  return list(address);
}

/** Records uses of secrets, in this process once an hour for each. No call waits for it or fails because of it. */
function createUseNotes({ store, log }: ClientAuthenticationDeps): (secret: ClientSecret, now: EpochMs) => void {
  const notedAt = new Map<string, EpochMs>();
  return ({ secretId, lastUsedAt }, now) => {
    const hour = now - (now % hourMs);
    if (Math.max(notedAt.get(secretId) ?? 0, lastUsedAt ?? 0) >= hour) return;
    notedAt.set(secretId, hour);
    store.apps.noteSecretUse({ secretId, now }).catch((error: unknown) => {
      notedAt.delete(secretId);
      log.debug({ error, secretId }, "the use of a client secret was not recorded");
    });
  };
}
