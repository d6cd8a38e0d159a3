import { type DescMethod, getOption, hasOption } from "@bufbuild/protobuf";
import type { Directory, Registered } from "../apps/directory.js";
import type { Deps } from "../auth/deps.js";
import { AuthError } from "../auth/errors.js";
import { type Access, access, Caller as CallerKind } from "../gen/latchkey/v1/access_pb.js";
import type { Caller, UserCaller } from "../model/caller.js";
import { allowsOrigin, type Client } from "../model/client.js";
import { isRecent } from "../model/policy.js";
import type { Scope } from "../model/scope.js";
import type { Store } from "../store/port/store.js";
import type { CallContext } from "./call-context.js";

export type AccessDeps = Pick<Deps, "clock"> & {
  readonly store: { readonly sessions: Pick<Store["sessions"], "findLive"> };
  readonly accessTokens: Pick<Deps["accessTokens"], "verifyAccess">;
  readonly directory: Directory;
  readonly issuer: string;
};

/** Finds the caller from headers alone. Throws `AuthError` if the caller is refused. Returns a `UserCaller` for a rule of CALLER_USER. */
export type Gate = (rule: Access, context: CallContext, correlationId: string) => Promise<Caller | UserCaller>;

/** The access rule of a method. Throws if the method declares none, because every caller could then use it. */
export function accessRule(method: DescMethod): Access {
  const rule = hasOption(method, access) ? getOption(method, access) : undefined;
  if (rule === undefined || rule.caller === CallerKind.UNSPECIFIED) {
    throw new Error(`${method.parent.typeName}.${method.name} declares no access rule (option latchkey.v1.access)`);
  }
  if (rule.recent && rule.caller !== CallerKind.USER) {
    throw new Error(`${method.parent.typeName}.${method.name} asks for a recent sign-in but its callers are not users`);
  }
  // Only clients that authenticate themselves can have scopes, and no client can authenticate itself yet.
  if (rule.scope !== "") throw new Error(`${method.parent.typeName}.${method.name} asks for a scope, which nothing checks`);
  return rule;
}

const noScopes: ReadonlySet<Scope> = new Set();

export function createGate(deps: AccessDeps): Gate {
  const ownOrigin = new URL(deps.issuer).origin;

  return async (rule, context, correlationId) => {
    const named = namedClient(deps.directory, context);
    const withToken =
      rule.caller === CallerKind.USER || (rule.caller === CallerKind.CLIENT && context.authorization.length > 0);
    const signedIn = withToken ? await findSignedIn(deps, context) : null;
    const registered = signedIn === null ? (named ?? deps.directory.fallback) : deps.directory.find(signedIn.session.clientId);
    if (registered === null) throw new AuthError("CLIENT_UNKNOWN", { detail: "no client named, or the token's is gone" });
    const { client, app } = registered;
    if (named !== null && named.client.clientId !== client.clientId) {
      throw new AuthError("CLIENT_UNKNOWN", { detail: "the header names another client than the token" });
    }
    checkOrigin(client, ownOrigin, context.origin);
    const caller: Caller = {
      client,
      app,
      policy: app.policy,
      confidential: false,
      scopes: noScopes,
      cookie: null,
      address: context.address,
      userAgent: context.userAgent,
      correlationId,
      get signal() {
        return context.abort.signal;
      },
    };
    if (signedIn === null) return caller;
    if (rule.recent && !isRecent(app.policy, signedIn.session.createdAt, deps.clock())) {
      throw new AuthError("RECENT_SIGN_IN_REQUIRED");
    }
    return Object.assign(caller, { session: signedIn.session, user: signedIn.user });
  };
}

function namedClient(directory: Directory, context: CallContext): Registered | null {
  const clientId = context.clientIds[0];
  if (clientId === undefined) return null;
  const registered = context.clientIds.length === 1 ? directory.find(clientId) : null;
  if (registered === null) throw new AuthError("CLIENT_UNKNOWN", { detail: "unknown or ambiguous x-latchkey-client" });
  return registered;
}

const bearer = /^bearer +([A-Za-z0-9._~+/-]{1,4096}=*)$/i;

async function findSignedIn(deps: AccessDeps, context: CallContext) {
  const token = context.authorization.length === 1 ? bearer.exec(context.authorization[0] ?? "")?.[1] : undefined;
  if (token === undefined) throw new AuthError("TOKEN_INVALID", { detail: "no bearer token, or more than one" });
  const now = deps.clock();
  const claims = await deps.accessTokens.verifyAccess(token, now);
  if (claims === null) throw new AuthError("TOKEN_INVALID", { detail: "not a good access token" });
  const live = await deps.store.sessions.findLive({ sessionId: claims.sessionId, now });
  if (live === null) throw new AuthError("TOKEN_INVALID", { detail: "the session has ended" });
  if (live.session.userId !== claims.userId || live.session.clientId !== claims.clientId) {
    throw new AuthError("TOKEN_INVALID", { detail: "the session is another user's or client's" });
  }
  return live;
}

function checkOrigin(client: Client, ownOrigin: string, origin: string | undefined): void {
  if (origin === undefined || origin === ownOrigin || allowsOrigin(client, origin)) return;
  throw new AuthError("ORIGIN_NOT_ALLOWED", { detail: "the app does not list the page's origin" });
}
