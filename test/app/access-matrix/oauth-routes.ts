import type { Cast } from "./cast.js";
import { type Column, columns, headersOf } from "./columns.js";

interface Metadata {
  readonly token_endpoint: string;
  readonly introspection_endpoint: string;
  readonly revocation_endpoint: string;
  readonly jwks_uri: string;
  readonly grant_types_supported: readonly string[];
}

type Form = Readonly<Record<string, string>>;

const isForeign = ({ foreign = [] }: Column): boolean => foreign.includes("token");

interface Route {
  readonly name: string;
  readonly path: string;
  /** The scope that the route needs; empty if none. */
  readonly scope: string;
  /** Null: a GET. */
  form(cast: Cast, column: Column): Form | null;
}

const documents = ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"];

/** What each caller of the matrix gets from every OAuth route that the metadata names: OK, or the error of RFC 6749 §5.2. */
export async function routeCells(url: string, cast: Cast): Promise<[string, ...string[]][]> {
  const metadata = (await (await fetch(url + documents[0])).json()) as Metadata;
  const rows: [string, ...string[]][] = [];
  for (const route of routesOf(metadata)) {
    const cells = await Promise.all(columns.map((column) => cellOf(url, { route, column, cast })));
    rows.push([route.name, ...cells]);
  }
  return rows;
}

function routesOf(metadata: Metadata): Route[] {
  const pathOf = (endpoint: string) => new URL(endpoint).pathname;
  const get = (path: string): Route => ({ name: `GET ${path}`, path, scope: "", form: () => null });
  const post = (endpoint: string, scope: string, form: Route["form"], suffix = ""): Route => ({
    name: `POST ${pathOf(endpoint)}${suffix}`,
    path: pathOf(endpoint),
    scope,
    form,
  });
  const grants: Readonly<Record<string, Route["form"]>> = {
    client_credentials: () => ({}),
    // A stranger brings the user's own token, everybody else garbage: that is refused as a grant, which is past the access check.
    refresh_token: ({ user }, column) => ({ refresh_token: isForeign(column) ? user.refreshToken : "garbage" }),
  };
  return [
    ...metadata.grant_types_supported.map((grant) =>
      post(
        metadata.token_endpoint,
        "",
        (cast, column) => ({ grant_type: grant, ...grants[grant]!(cast, column) }),
        ` ${grant}`,
      ),
    ),
    post(metadata.introspection_endpoint, "tokens:introspect", ({ user }) => ({ token: user.accessToken })),
    post(metadata.revocation_endpoint, "", ({ user }, column) => ({
      token: isForeign(column) ? user.refreshToken : "garbage",
    })),
    ...[...documents, pathOf(metadata.jwks_uri)].map(get),
  ];
}

async function cellOf(url: string, { route, column, cast }: { route: Route; column: Column; cast: Cast }): Promise<string> {
  const form = route.form(cast, column);
  const { clientId, ...identity } = column.identity(cast, route.scope);
  // As OAuth libraries do: a public client gives its id in the form, a confidential one its secret in the header.
  const headers = headersOf(identity, "secret");
  const fields: Form = clientId === undefined ? {} : { client_id: clientId };
  const init = form === null ? {} : { method: "POST", body: new URLSearchParams({ ...form, ...fields }) };
  const response = await fetch(url + route.path, { ...init, headers });
  if (response.ok) return "OK";
  const { error } = (await response.json()) as { error: string };
  return error === "invalid_grant" && !isForeign(column) ? "OK" : error;
}
