import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Database } from "better-sqlite3";
import { afterAll, expect, it } from "vitest";
import { developmentEnv, endServers, newFolder, type Server, startServer } from "../support/server.js";
import { createRandom } from "./random.js";
import { readCopy } from "./snapshot.js";

const rounds = Number(process.env.LATCHKEY_KILL_ROUNDS ?? 10);
const seed = Number(process.env.LATCHKEY_KILL_SEED ?? Date.now() % 1_000_000);
const operators = 6;

afterAll(endServers);

/** What an operator was told of an app with one client. Undefined: not asked yet, or the answer was lost. */
interface Told {
  readonly appId: string;
  readonly clientId: string;
  created?: true;
  codeLength?: number;
  secret?: string;
  /** How many secrets were made for certain. */
  secrets: number;
  /** `asked`: the answer was lost, so the client may be there or not. */
  deletion?: "asked" | "done";
}

interface Left {
  readonly integrity: unknown;
  readonly problems: readonly string[];
  readonly policies: ReadonlyMap<string, { readonly codeLength?: number }>;
  /** How many secrets each client has. */
  readonly clients: ReadonlyMap<string, number>;
}

/** Statements that find rows only where a change of the directory was half made. */
const halves: Readonly<Record<string, string>> = {
  "a row of a later revision than the directory's": `SELECT 1 FROM directory d WHERE d.revision < (SELECT max(revision) FROM
    (SELECT revision FROM apps UNION ALL SELECT revision FROM clients UNION ALL SELECT revision FROM directory_deletions))`,
  "an app of no pool": "SELECT 1 FROM apps WHERE pool_id NOT IN (SELECT pool_id FROM pools)",
  "an app of a number that was not given": "SELECT 1 FROM apps WHERE number > (SELECT app_numbers FROM directory)",
  "a client of no app": "SELECT 1 FROM clients WHERE app_id NOT IN (SELECT app_id FROM apps)",
  "a secret of no client": "SELECT 1 FROM client_secrets WHERE client_id NOT IN (SELECT client_id FROM clients)",
  "an alias of no client": "SELECT 1 FROM client_aliases WHERE client_id NOT IN (SELECT client_id FROM clients)",
  "two default clients": "SELECT 1 FROM clients WHERE is_default = 1 LIMIT 1 OFFSET 1",
  "a client with three live secrets":
    "SELECT 1 FROM client_secrets WHERE expires_at IS NULL GROUP BY client_id HAVING count(*) > 2",
  "a client that is there and marked as deleted":
    "SELECT 1 FROM directory_deletions WHERE kind = 'client' AND id IN (SELECT client_id FROM clients)",
};

function readLeft(db: Database): Left {
  const policies = db.prepare<[], { id: string; policy: string }>("SELECT app_id AS id, policy FROM apps").all();
  const clients = db
    .prepare<[], { id: string; secrets: number }>(
      `SELECT c.client_id AS id, count(s.secret_id) AS secrets FROM clients c LEFT JOIN client_secrets s
        ON s.client_id = c.client_id GROUP BY c.client_id`,
    )
    .all();
  return {
    integrity: db.pragma("integrity_check", { simple: true }),
    problems: Object.keys(halves).filter((name) => db.prepare(halves[name]!).get() !== undefined),
    policies: new Map(policies.map(({ id, policy }) => [id, JSON.parse(policy) as { codeLength?: number }])),
    clients: new Map(clients.map(({ id, secrets }) => [id, secrets])),
  };
}

/** What the database lacks of what an operator was told, a sentence each. */
function brokenPromises(told: Told, { policies, clients }: Left): string[] {
  const broken: string[] = [];
  const { appId, clientId, deletion } = told;
  if (told.created === true && !policies.has(appId)) broken.push(`app ${appId} is gone`);
  if (told.codeLength !== undefined && policies.get(appId)?.codeLength !== told.codeLength) {
    broken.push(`the policy of ${appId} is gone`);
  }
  if (deletion === "done" && clients.has(clientId)) broken.push(`client ${clientId} is back`);
  if (deletion === undefined && (clients.get(clientId) ?? 0) < told.secrets) {
    broken.push(`client ${clientId} has ${clients.get(clientId)} of ${told.secrets} secrets`);
  }
  return broken;
}

it(`apps, clients, policies and secrets that were answered survive ${rounds} kills -9 (seed ${seed})`, async () => {
  const random = createRandom(seed);
  const folder = newFolder();
  const env = developmentEnv();
  const all: Told[] = [];
  let server = await startServer(env, { folder });
  const { "default-admin": admin } = JSON.parse(readFileSync(join(folder, ".latchkey", "clients.json"), "utf8")) as {
    "default-admin": { client_id: string; client_secret: string };
  };
  const asAdmin = basic(admin.client_id, admin.client_secret);

  for (let round = 1; round <= rounds; round += 1) {
    const working = Promise.all(
      Array.from({ length: operators }, async () => {
        // Ends when the server no longer answers.
        while (await operate(server, asAdmin, newTold()));
      }),
    );
    await new Promise((resolve) => setTimeout(resolve, random.between(300, 1_500)));
    await server.kill();
    await working;
    const left = readCopy(join(folder, "latchkey.db"), readLeft);
    expect([left.integrity, ...left.problems, ...all.flatMap((told) => brokenPromises(told, left))]).toEqual(["ok"]);
    server = await startServer(env, { folder });
    const known = all.filter(({ secret, deletion }) => secret !== undefined && deletion === undefined).slice(-3);
    expect(known.length).toBeGreaterThan(0);
    for (const { clientId, secret } of known) {
      const sent = await call(server, "AuthService/SendOtp", basic(clientId, secret!), {
        email: `${clientId}-${round}@example.com`,
      });
      expect(sent).toHaveProperty("challenge");
    }
  }
  console.log(
    JSON.stringify({ seed, kills: rounds, apps: all.length, deleted: all.filter(({ deletion }) => deletion).length }),
  );

  function newTold(): Told {
    const told: Told = { appId: `app-${all.length}`, clientId: `client-${all.length}`, secrets: 0 };
    all.push(told);
    return told;
  }

  /** Makes an app with a client, one call after the other. Returns false if an answer was lost. */
  async function operate(on: Server, as: string, told: Told): Promise<boolean> {
    const { appId, clientId } = told;
    const ask = (method: string, request: object) => call(on, `AppService/${method}`, as, request);
    if ((await ask("CreateApp", { appId })) === null) return false;
    told.created = true;
    const codeLength = random.between(7, 10);
    const policy = { appId, policy: { codeLength }, updateMask: "codeLength" };
    if ((await ask("UpdatePolicy", policy)) === null) return false;
    told.codeLength = codeLength;
    const client = { appId, clientId, kind: "CLIENT_KIND_CONFIDENTIAL", scopes: ["otp:send"] };
    const made = await ask("CreateClient", client);
    if (made === null) return false;
    Object.assign(told, { secret: made.clientSecret, secrets: 1 });
    if ((await ask("RotateClientSecret", { clientId })) === null) return false;
    told.secrets = 2;
    if (random.chance(0.7)) return true;
    told.deletion = "asked";
    if ((await ask("DeleteClient", { clientId })) === null) return false;
    told.deletion = "done";
    return true;
  }
});

const basic = (id: string, secret: string) => `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}`;

/** Calls over Connect. Returns null if the answer is lost, and throws if it is a refusal. */
async function call(
  server: Server,
  method: string,
  authorization: string,
  request: object,
): Promise<Readonly<Record<string, unknown>> | null> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(`${server.httpUrl}/latchkey.v1.${method}`, {
      method: "POST",
      headers: { "content-type": "application/json", "connect-protocol-version": "1", authorization },
      body: JSON.stringify(request),
    });
    text = await response.text();
  } catch {
    return null;
  }
  if (!response.ok) throw new Error(`${method}: ${text}`);
  return JSON.parse(text) as Record<string, unknown>;
}
