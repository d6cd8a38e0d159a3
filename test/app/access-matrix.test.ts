import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { DescMethod, DescOneof, DescService, JsonObject } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Caller } from "../../src/gen/latchkey/v1/access_pb.js";
import { type AccessRule, accessRule } from "../../src/rpc/access-rule.js";
import { startTestApp, type TestApp } from "../support/app.js";
import { testEngines } from "../support/engines.js";
import { assemble, type Cast } from "./access-matrix/cast.js";
import { type Column, columns, headersOf } from "./access-matrix/columns.js";
import { routeCells } from "./access-matrix/oauth-routes.js";
import { type Protocol, protocols } from "./access-matrix/probes.js";

const page = join(import.meta.dirname, "../../docs/access.md");

/** A row of the matrix: a method or route, and what becomes of the call of each column. */
type Row = readonly [name: string, ...cells: string[]];

const generated = join(import.meta.dirname, "../../src/gen/latchkey/v1");

/** The methods of every service that the proto files have. */
async function loadMethods(): Promise<readonly DescMethod[]> {
  const files = readdirSync(generated).filter((name) => name.endsWith("_service_pb.ts"));
  const modules = await Promise.all(files.map((name) => import(join(generated, name)) as Promise<Record<string, unknown>>));
  const services = modules.flatMap((module) => Object.values(module).filter(isService));
  return services.flatMap((service) => service.methods);
}

function isService(value: unknown): value is DescService {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === "service";
}

const methods = await loadMethods();

/**
 * Refused only after the gate has let the caller through: the message is read after that. A method for any caller authenticates by the
 * message, so it gets an empty one.
 */
const harmlessBody = ({ caller }: AccessRule) => (caller === Caller.ANY ? {} : "malformed");

/** The fields that name what belongs to the user of the matrix. */
function fieldsOf({ user }: Cast): Readonly<Record<string, string>> {
  const { userId, challengeId, code, sessionId, accessToken, refreshToken } = user;
  return {
    challenge_id: challengeId,
    code,
    session_id: sessionId,
    refresh_token: refreshToken,
    token: accessToken,
    user_id: userId,
  };
}

/** What a request needs besides the fields that name something. */
const besides: Readonly<Record<string, JsonObject>> = {
  UpdateUser: { displayName: "Changed", updateMask: "displayName" },
  AddContact: { email: "added@example.com" },
  RemoveContact: { email: "ada@example.com" },
};

/** A request that names what belongs to the user, or null if the method names nothing of that kind. */
function foreignRequest(method: DescMethod, { foreign = [] }: Column, cast: Cast): JsonObject | null {
  const fields = fieldsOf(cast);
  const names = (name: string) => (foreign as readonly string[]).includes(name);
  if (!method.input.fields.some(({ name, oneof }) => names(name) && !(name === "user_id" && isAlternative(oneof)))) return null;
  const named = method.input.fields.filter(
    ({ name, oneof }) => name in fields && !(name === "user_id" && isAlternative(oneof)),
  );
  return { ...Object.fromEntries(named.map(({ jsonName, name }) => [jsonName, fields[name]!])), ...besides[method.name] };
}

/** Whether the user's id is only another way to name a challenge, which the request names by its id. */
function isAlternative(oneof: DescOneof | undefined): boolean {
  return oneof?.name === "identifier";
}

async function cellOf(
  method: DescMethod,
  column: Column,
  on: { readonly protocol: Protocol; readonly cast: Cast },
): Promise<string> {
  const { protocol, cast } = on;
  const rule = accessRule(method);
  const headers = headersOf(column.identity(cast, rule.scope ?? ""), rule.caller === Caller.ANY ? "secret" : "token");
  const gate = await protocol.call(method, harmlessBody(rule), headers);
  if (gate !== null && gate !== "REQUEST_INVALID") return gate;
  const request = foreignRequest(method, column, cast);
  if (request === null) return "OK";
  const reason = await protocol.call(method, request, headers);
  expect(reason, `${method.name} as ${column.name}: the request must be valid`).not.toBe("REQUEST_INVALID");
  return reason ?? "OK";
}

async function methodRows(on: { readonly protocol: Protocol; readonly cast: Cast }): Promise<Row[]> {
  const rows: Row[] = [];
  for (const method of methods) {
    const cells = await Promise.all(columns.map((column) => cellOf(method, column, on)));
    rows.push([`${method.parent.name}/${method.name}`, ...cells]);
  }
  return rows;
}

function tableOf(rows: readonly Row[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const shown = ([name, ...cells]: Row) =>
    line([`\`${name}\``, ...cells.map((cell) => (cell === "OK" ? cell : `\`${cell}\``))]);
  const head = ["method or route", ...columns.map(({ name }) => name)];
  return [line(head), line(head.map(() => "---")), ...rows.map(shown)].join("\n");
}

const tables = new Map<string, string>();

const engines = testEngines();

describe.each(engines)("the access matrix on $engine", ({ engine, database }) => {
  let on: TestApp;
  let cast: Cast;

  beforeAll(async () => {
    on = await startTestApp({ ...(await database()), LATCHKEY_DEFAULT_CLIENT: "off" });
    cast = await assemble(on, [...new Set(methods.map((method) => accessRule(method).scope ?? ""))]);
  });
  afterAll(() => on.stop());

  it.each(Object.entries(protocols))("is taken over %s and over HTTP", async (name, connect) => {
    const protocol = connect({ grpcPort: on.app.grpcPort, httpPort: on.app.httpPort });
    const rows = [
      ...(await methodRows({ protocol, cast })),
      ...(await routeCells(`http://127.0.0.1:${on.app.httpPort}`, cast)),
    ];
    protocol.close();
    tables.set(`${name}, ${engine}`, tableOf(rows));
  });

  it("has changed nothing of the user that others named: the session lives and the code still signs in", async () => {
    const { user, webClientId } = cast;
    const auth = on.authAs(webClientId);
    const headers = { authorization: `Bearer ${user.accessToken}` };
    const { sessions } = await auth.listSessions({}, { headers });
    expect(sessions.map(({ sessionId }) => sessionId)).toEqual([user.sessionId]);
    expect((await auth.verifyOtp({ challengeId: user.challengeId, code: user.code })).tokens).toBeDefined();
    expect((await auth.refreshToken({ refreshToken: user.refreshToken })).tokens).toBeDefined();
  });
});

// And on both engines, because each of them has the table of the page.
it("is the same over every protocol", () => {
  const [first, ...others] = [...tables.values()];
  expect(others).toHaveLength(engines.length * Object.keys(protocols).length - 1);
  for (const other of others) expect(other).toBe(first);
});

it("a user's token opens nothing more if the user signed in through a confidential client with every scope", () => {
  const at = (name: string) => 1 + columns.findIndex((column) => column.name === name);
  const rows = [...tables.values()][0]!.split("\n").map((line) => line.split(" | "));
  const opened = (name: string) => rows.filter((row) => row[at(name)] === "OK").map(([method]) => method);
  expect(opened("user").length).toBeGreaterThan(0);
  expect(opened("user")).toEqual(expect.arrayContaining(opened("user of a backend")));
});

it("is the table of docs/access.md; `npx vitest run test/app/access-matrix.test.ts -u` writes it", async () => {
  const [table] = [...tables.values()];
  const written = readFileSync(page, "utf8").replace(/(?<=<!-- matrix -->\n)[\s\S]*?(?=<!-- \/matrix -->)/, () => `${table}\n`);
  await expect(written).toMatchFileSnapshot(page);
});
