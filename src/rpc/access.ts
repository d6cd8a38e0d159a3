import { type DescMethod, getOption, hasOption } from "@bufbuild/protobuf";
import type { Caller, Deps, UserCaller } from "../auth/deps.js";
import { AuthError } from "../auth/errors.js";
import { isRecent } from "../model/policy.js";
import { type Access, access, Caller as CallerKind } from "../gen/latchkey/v1/access_pb.js";
import { allowsOrigin, type Client, type Clients } from "./clients.js";
import type { Incoming } from "./call-context.js";

export type AccessDeps = Pick<Deps, "clock" | "policy"> & {
  readonly store: Pick<Deps["store"], "findLiveSession">;
  readonly accessTokens: Pick<Deps["accessTokens"], "verifyAccess">;
  readonly clients: Clients;
  readonly issuer: string;
};

/** Says who calls, from headers alone, or refuses. For a rule of CALLER_USER the result is a `UserCaller`. */
export type Gate = (rule: Access, incoming: Incoming, correlationId: string) => Promise<Caller | UserCaller>;

/** The access rule of a method. Throws for a method without one: it would be open to everybody. */
export function accessRule(method: DescMethod): Access {
  const rule = hasOption(method, access) ? getOption(method, access) : undefined;
  if (rule === undefined || rule.caller === CallerKind.UNSPECIFIED) {
    throw new Error(`${method.parent.typeName}.${method.name} does not declare who may call it (option latchkey.v1.access)`);
  }
  if (rule.recent && rule.caller !== CallerKind.USER) {
    throw new Error(`${method.parent.typeName}.${method.name} asks for a recent sign-in of somebody who is not a user`);
  }
  return rule;
}

export function createGate(deps: AccessDeps): Gate {
  const ownOrigin = new URL(deps.issuer).origin;

  return async (rule, incoming, correlationId) => {
    const named = namedClient(deps.clients, incoming);
    const withToken =
      rule.caller === CallerKind.USER || (rule.caller === CallerKind.CLIENT && incoming.authorization.length > 0);
    const signedIn = withToken ? await findSignedIn(deps, incoming) : null;
    const client = signedIn === null ? (named ?? deps.clients.fallback) : deps.clients.find(signedIn.session.clientId);
    if (client === null) throw new AuthError("CLIENT_UNKNOWN", { detail: "no client named, or the token's is gone" });
    if (named !== null && named.clientId !== client.clientId) {
      throw new AuthError("CLIENT_UNKNOWN", { detail: "the header names another client than the token" });
    }
    checkOrigin(client, ownOrigin, incoming.origin);
    const caller: Caller = {
      clientId: client.clientId,
      address: incoming.address,
      userAgent: incoming.userAgent,
      correlationId,
      get signal() {
        return incoming.abort.signal;
      },
    };
    if (signedIn === null) return caller;
    if (rule.recent && !isRecent(deps.policy, signedIn.session.createdAt, deps.clock())) {
      throw new AuthError("RECENT_SIGN_IN_REQUIRED");
    }
    return Object.assign(caller, { session: signedIn.session, user: signedIn.user });
  };
}

function namedClient(clients: Clients, incoming: Incoming): Client | null {
  const clientId = incoming.clientIds[0];
  if (clientId === undefined) return null;
  const client = incoming.clientIds.length === 1 ? clients.find(clientId) : null;
  if (client === null) throw new AuthError("CLIENT_UNKNOWN", { detail: "unknown or ambiguous x-latchkey-client" });
  return client;
}

const bearer = /^bearer +([A-Za-z0-9._~+/-]{1,4096}=*)$/i;

async function findSignedIn(deps: AccessDeps, incoming: Incoming) {
  const token = incoming.authorization.length === 1 ? bearer.exec(incoming.authorization[0] ?? "")?.[1] : undefined;
  if (token === undefined) throw new AuthError("TOKEN_INVALID", { detail: "no bearer token, or more than one" });
  const now = deps.clock();
  const claims = await deps.accessTokens.verifyAccess(token, now);
  if (claims === null) throw new AuthError("TOKEN_INVALID", { detail: "not a good access token" });
  const live = await deps.store.findLiveSession({ sessionId: claims.sessionId, now });
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
