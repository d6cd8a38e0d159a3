import type { Directory, Registered } from "../apps/directory.js";
import { AuthError, invalidField } from "../auth/errors.js";
import { Caller as CallerKind } from "../gen/latchkey/v1/access_pb.js";
import { canonicalAddress } from "../lib/network.js";
import type { Caller, CallSource, UserCaller } from "../model/caller.js";
import { allowsOrigin, type Client } from "../model/client.js";
import type { Dialect } from "../model/dialect.js";
import { dialectOf } from "../model/door.js";
import { isRecent } from "../model/policy.js";
import type { Scope } from "../model/scope.js";
import type { AccessRule } from "./access-rule.js";
import type { CallContext } from "./call-context.js";
import { type Presented, readClientCredentials, readCredentials } from "./credentials.js";
import { createIdentify, type Identify, type IdentifyDeps, type Identity, tokenInvalid } from "./identify.js";

export type AccessDeps = IdentifyDeps & { readonly issuer: string };

/** A call of CALLER_ANY, with what its handler may authenticate a client by. */
export interface AnyCaller extends CallSource {
  readonly presented: Presented;
  /** Undefined: the call names no client. A call that names several is refused before. */
  readonly namedClientId: string | undefined;
  /**
   * Throws CLIENT_UNKNOWN if the call comes through a dialect that the client does not speak, and ORIGIN_NOT_ALLOWED if it comes from a
   * web page that is not the client's.
   */
  checkClient(client: Client): void;
}

/**
 * Finds the caller from headers alone. Throws `AuthError` if the caller is refused. Returns a `UserCaller` for a rule of
 * CALLER_USER, an `AnyCaller` for CALLER_ANY, and a `Caller` for all others. A `Caller` has a session and a user too if the
 * headers prove them.
 */
export type Gate = (rule: AccessRule, context: CallContext, correlationId: string) => Promise<AnyCaller | Caller | UserCaller>;

const noScopes: ReadonlySet<Scope> = new Set();

export function createGate(deps: AccessDeps): Gate {
  const { directory } = deps;
  const ownOrigin = new URL(deps.issuer).origin;
  const identify = createIdentify(deps);

  return async (rule, context, correlationId) => {
    const namedId = soleClientId(context);
    if (rule.caller === CallerKind.ANY) return anyCaller({ context, correlationId, ownOrigin, namedId });
    const named = namedId === undefined ? null : (directory.find(namedId) ?? (await lookUpNamed(directory, namedId)));
    const identifying = startIdentifying(rule, { context, named, identify });
    const identity = identifying === null ? null : await identifying;
    if (identity === null && rule.caller === CallerKind.USER) throw tokenInvalid("no access token");
    const registered = identity?.registered ?? named ?? directory.fallback;
    if (registered === null) throw new AuthError("CLIENT_UNKNOWN", { detail: "no client named, and there is no default one" });
    const { client } = registered;
    const dialect = dialectOf(context.door);
    checkDialect(client, dialect);
    const app = dialect === null ? registered.app : directory.appIn(dialect, registered.app);
    if (named !== null && named.client.clientId !== client.clientId) {
      throw new AuthError("CLIENT_UNKNOWN", { detail: "the header names another client than the credentials" });
    }
    checkRule(rule, client, identity);
    if (context.backendOnly === true && identity?.scopes == null) throw tokenInvalid("a user's token on a path for backends");
    if (context.isNamedApp?.(app) === false) {
      throw new AuthError("APP_NOT_FOUND", { detail: "the call names another app than the caller's" });
    }
    if (context.ownPage !== true) {
      checkOrigin(client, ownOrigin, context.origin);
      if (context.cookie !== null && !rule.readOnly) requireOrigin(context.origin);
    }
    const scopes = identity?.scopes ?? null;
    const caller: Caller = {
      client,
      app,
      policy: app.policy,
      confidential: scopes !== null,
      ...(dialect !== null && { throughDialect: true }),
      scopes: scopes ?? noScopes,
      cookie: context.cookie,
      address: scopes === null ? context.address : endUserAddress(context),
      hasOwnAddress: scopes === null || context.endUserIps.length > 0,
      userAgent: context.userAgent,
      correlationId,
      get signal() {
        return context.abort.signal;
      },
    };
    const live = identity?.live ?? null;
    if (live === null) return caller;
    if (rule.recent && !isRecent(app.policy, live.session.createdAt, deps.clock())) {
      throw new AuthError("RECENT_SIGN_IN_REQUIRED");
    }
    return Object.assign(caller, { session: live.session, user: live.user });
  };
}

function anyCaller(given: {
  readonly context: CallContext;
  readonly correlationId: string;
  readonly ownOrigin: string;
  readonly namedId: string | undefined;
}): AnyCaller {
  const { context, correlationId, ownOrigin, namedId } = given;
  return {
    presented: readCredentials(context),
    namedClientId: namedId,
    checkClient(client) {
      checkDialect(client, dialectOf(context.door));
      checkOrigin(client, ownOrigin, context.origin);
    },
    address: context.address,
    userAgent: context.userAgent,
    correlationId,
    get signal() {
      return context.abort.signal;
    },
  };
}

function soleClientId({ clientIds }: CallContext): string | undefined {
  if (clientIds.length > 1) throw new AuthError("CLIENT_UNKNOWN", { detail: "several headers x-latchkey-client" });
  return clientIds[0];
}

async function lookUpNamed(directory: Directory, clientId: string): Promise<Registered> {
  const registered = await directory.lookUp(clientId);
  if (registered === null) throw new AuthError("CLIENT_UNKNOWN", { detail: "unknown x-latchkey-client" });
  return registered;
}

/** Returns null, without a promise to wait for, if the headers carry nothing that counts for this rule. */
function startIdentifying(
  { caller }: AccessRule,
  {
    context,
    named,
    identify,
  }: { readonly context: CallContext; readonly named: Registered | null; readonly identify: Identify },
): Promise<Identity | null> | null {
  const forTokenHolder = caller === CallerKind.TOKEN_HOLDER;
  const presented = forTokenHolder ? readClientCredentials(context) : readCredentials(context);
  if (presented.kind !== "none") {
    if (caller === CallerKind.USER && presented.kind === "client") throw tokenInvalid("a client's credentials, not a user's");
    return identify.byHeaders(presented, context);
  }
  if (context.cookie === null || !(forTokenHolder || caller === CallerKind.USER)) return null;
  return identify.byCookie(context.cookie, named);
}

/** Throws if this caller may not call a method of this rule. */
function checkRule(rule: AccessRule, client: Client, identity: Identity | null): void {
  const scopes = identity?.scopes ?? null;
  const isUser = identity !== null && identity.live !== null;
  if (rule.caller === CallerKind.USER && !isUser) {
    throw new AuthError("USER_REQUIRED", { detail: "a client's own token on a method for users" });
  }
  if (scopes !== null) {
    if (rule.scope !== null && !scopes.has(rule.scope)) throw scopeMissing(rule.scope);
    return;
  }
  if (rule.caller === CallerKind.CONFIDENTIAL_CLIENT) {
    if (isUser && rule.scope !== null) throw scopeMissing(rule.scope);
    throw new AuthError("CLIENT_INVALID", { detail: "the method is for clients that authenticate themselves" });
  }
  if (client.kind === "confidential" && (!isUser || rule.caller === CallerKind.TOKEN_HOLDER)) {
    throw new AuthError("CLIENT_INVALID", { detail: "a confidential client did not authenticate itself" });
  }
}

function scopeMissing(scope: Scope): AuthError {
  return new AuthError("SCOPE_MISSING", { detail: `the caller lacks ${scope}`, metadata: { scope } });
}

function checkDialect(client: Client, dialect: Dialect | null): void {
  if (dialect === null || client.dialects.includes(dialect)) return;
  throw new AuthError("CLIENT_UNKNOWN", { detail: `the client does not speak ${dialect}` });
}

function checkOrigin(client: Client, ownOrigin: string, origin: string | undefined): void {
  if (origin === undefined || origin === ownOrigin || allowsOrigin(client, origin)) return;
  throw new AuthError("ORIGIN_NOT_ALLOWED", { detail: "the app does not list the page's origin" });
}

/** Browsers send the cookie with requests of any page, so a call that changes something must name its page (CSRF). */
function requireOrigin(origin: string | undefined): void {
  if (origin === undefined)
    throw new AuthError("ORIGIN_NOT_ALLOWED", { detail: "a call with the session cookie has no origin" });
}

const endUserHeader = "x-latchkey-end-user-ip";

function endUserAddress({ endUserIps, address }: CallContext): string {
  if (endUserIps.length === 0) return address;
  const endUser = endUserIps.length === 1 ? canonicalAddress(endUserIps[0]!.trim()) : null;
  if (endUser === null) throw invalidField(endUserHeader, "must be one IPv4 or IPv6 address");
  return endUser;
}
