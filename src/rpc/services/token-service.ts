import type { Directory, Registered } from "../../apps/directory.js";
import type { Deps } from "../../auth/deps.js";
import { AuthError, invalidField } from "../../auth/errors.js";
import { introspectToken } from "../../auth/introspect-token.js";
import { issueClientToken } from "../../auth/issue-client-token.js";
import type { IssueClientTokenRequest, TokenService } from "../../gen/latchkey/v1/token_service_pb.js";
import type { AnyCaller } from "../access.js";
import type { ClientAuthentication } from "../client-authentication.js";
import { toIntrospection } from "../convert/token.js";
import type { ClientCredentials } from "../credentials.js";
import type { Handlers } from "../pipeline.js";

export interface TokenServiceDeps extends Deps {
  readonly clients: ClientAuthentication;
  readonly directory: Directory;
  readonly issuer: string;
}

/** The methods of latchkey.v1.TokenService. */
export function createTokenService(deps: TokenServiceDeps): Handlers<typeof TokenService> {
  const { clients, directory, issuer } = deps;
  return {
    forUsers: {},
    forAnyone: {
      async issueClientToken(caller, request) {
        const { client, app } = await clients.authenticate(credentialsOf(caller, request), caller.address);
        for (const named of [caller.namedClientId, request.clientId || undefined]) {
          if (named !== undefined) checkNamed(directory, named, client);
        }
        caller.checkClient(client);
        const token = await issueClientToken(deps, { client, audience: app.audience }, { scope: request.scope });
        return {
          accessToken: token.accessToken,
          tokenType: "Bearer",
          expiresIn: token.expiresInSeconds,
          scope: token.granted.join(" "),
        };
      },
    },
    forClients: {
      async introspectToken(caller, { token }) {
        const findClient = (clientId: string) => directory.find(clientId)?.client ?? null;
        const active = await introspectToken(deps, caller, { token, findClient });
        return active === null ? { active: false } : toIntrospection(active, { issuer, audience: caller.app.audience });
      },
    },
  };
}

/** The one way in which the client authenticates. A token in the header is ignored: some clients send theirs with every call. */
function credentialsOf({ presented }: AnyCaller, request: IssueClientTokenRequest): ClientCredentials {
  const ways: ClientCredentials[] = presented.kind === "client" ? [presented.credentials] : [];
  const { clientId, clientSecret: secret, clientAssertion: assertion } = request;
  if (secret !== "") ways.push({ kind: "secret", clientId, secret });
  if (assertion !== "") ways.push({ kind: "assertion", assertion });
  const [way, ...others] = ways;
  if (others.length > 0) throw invalidField("client_secret", "authenticate in one way only: header, secret or assertion");
  if (way === undefined) throw new AuthError("CLIENT_INVALID", { detail: "no credentials" });
  return way;
}

function checkNamed(directory: Directory, named: string, client: Registered["client"]): void {
  if (directory.find(named)?.client.clientId === client.clientId) return;
  throw new AuthError("CLIENT_UNKNOWN", { detail: "the call names another client than its credentials" });
}
