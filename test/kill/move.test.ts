import { spawn } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { errorDetails } from "../../src/client/grpc.js";
import { createKeyring } from "../../src/crypto/keyring.js";
import { createRefreshTokens } from "../../src/crypto/refresh-token.js";
import { movedTables } from "../../src/store/move/tables.js";
import { connect } from "../../src/store/sqlite/connect.js";
import { reasonOf, signIn } from "../serve/sign-in.js";
import { clientOf, locationOf, query } from "../support/postgres.js";
import { startServer as startPostgres } from "../support/postgres-server.js";
import {
  developmentEnv,
  type Env,
  endServers,
  latchkeyBin,
  runLatchkey,
  type Server,
  startServer,
  until,
} from "../support/server.js";

const users = 100_000;
const sessions = 50_000;
const sampled = 1_000;
const callers = 16;

afterAll(endServers);

const day = 24 * 60 * 60_000;

/** Fills a database as years of use would, and gives the newest refresh tokens of some sessions. */
function fill(path: string, masterKey: string): string[] {
  const tokens = createRefreshTokens(createKeyring([{ id: "1", key: Buffer.from(masterKey, "base64") }]));
  const db = connect(path);
  const user = db.prepare(`INSERT INTO users (user_id, pool_id, username, display_name, locale, custom_attributes, created_at)
    VALUES (?, 'main', ?, ?, 'en', '', ?)`);
  const contact = db.prepare(`INSERT INTO contacts (pool_id, kind, value, user_id, verified_at, rank)
    VALUES ('main', 'email', ?, ?, ?, 0)`);
  const members = db.prepare(`INSERT INTO memberships (app_id, user_id, number, roles, kind, owner_organization, app_attributes,
      credential_type, state, joined_at)
    SELECT a.app_id, u.user_id, u.number, '[]', '', a.owner_organization, '', 'otp', 'active', u.created_at
    FROM users u JOIN apps a ON a.app_id = 'default'
    WHERE NOT EXISTS (SELECT 1 FROM memberships m WHERE m.user_id = u.user_id)`);
  const session =
    db.prepare(`INSERT INTO sessions (session_id, family, key_id, user_id, client_id, generation, ip, user_agent, amr,
    created_at, last_used_at, idle_expires_at, expires_at)
    VALUES (?, ?, '1', ?, 'default-web', ?, '192.0.2.1', 'test', 'latchkey:email', ?, ?, ?, ?)`);
  const budget = db.prepare("INSERT INTO budgets (key, spent, hold_until, expires_at) VALUES (?, ?, 0, ?)");
  const now = Date.now();
  const sample: string[] = [];
  db.transaction(() => {
    for (let i = 0; i < users; i += 1) {
      const userId = randomUUID();
      user.run(userId, i % 2 === 0 ? `user${i}` : null, `User \\${i}`, now);
      contact.run(`user${i}@example.com`, userId, now);
      budget.run(randomBytes(17), `[${now}]`, now + day);
      if (i % (users / sessions) !== 0) continue;
      const family = randomBytes(16);
      const generation = i % 5;
      session.run(randomUUID(), family, userId, generation, now - day, now - day / 2, now + 6 * day, now + 29 * day);
      if (i % (users / sampled) === 0) sample.push(tokens.mint({ keyId: "1", family, generation }));
    }
    members.run();
  })();
  db.close();
  return sample;
}

/** Renews a session again and again until it is refused; gives the reason and the newest token that was acknowledged. */
async function renewUntilRefused(
  server: Server,
  first: string,
): Promise<{ readonly reason: string | null; readonly newest: string }> {
  for (let newest = first; ; ) {
    try {
      newest = (await server.grpc.refreshToken({ refreshToken: newest })).tokens!.refreshToken;
    } catch (error) {
      return { reason: errorDetails(error).reason ?? String(error), newest };
    }
  }
}

it(`${users} users and ${sessions} live sessions are moved by a command that is killed once and run again, and go on`, async () => {
  const postgres = await startPostgres();
  const target = locationOf(postgres.url);
  const admin = await clientOf(target);
  await admin.query("CREATE DATABASE moved TEMPLATE template0 ENCODING 'UTF8'");
  await admin.end();
  const moved = { ...target, database: "moved" };
  const url = postgres.url.replace(/\/postgres$/, "/moved?sslmode=disable");

  let server = await startServer(developmentEnv());
  const { env, folder } = server;
  const path = join(folder, "latchkey.db");
  const busy = await signIn(server, "busy@example.com");
  await server.stop();
  const sample = fill(path, env.LATCHKEY_MASTER_KEY!);
  expect(sample).toHaveLength(sampled);
  server = await startServer(env, { folder });
  const renewals = renewUntilRefused(server, busy.refreshToken);

  const killed = spawn(process.execPath, [latchkeyBin, "migrate", "--to", url], {
    cwd: folder,
    env: { PATH: process.env.PATH, ...env },
  });
  const ended = once(killed, "close");
  await until(
    "a part of the users",
    async () => {
      const [row] = await query<{ count: number }>(moved, "SELECT count(*)::int AS count FROM users").catch(() => []);
      return row !== undefined && row.count > users / 5 ? true : undefined;
    },
    60_000,
  );
  killed.kill("SIGKILL");
  expect(await ended).toEqual([null, "SIGKILL"]);
  const [{ part }] = (await query<{ part: number }>(moved, "SELECT count(*)::int AS part FROM users")) as [{ part: number }];
  expect(part).toBeLessThan(users);

  const { reason, newest } = await renewals;
  expect(reason).toBe("UNAVAILABLE");
  const onTarget: Env = { ...env, LATCHKEY_DATABASE_URL: url };
  expect((await runLatchkey(["serve"], onTarget, folder)).stderr.join()).toContain("holds a part of a SQLite database");

  const resumed = await runLatchkey(["migrate", "--to", url], env, folder);
  expect([resumed.code, resumed.stderr]).toEqual([0, []]);
  console.log([`killed after ${part} users`, ...resumed.stdout].join("\n"));
  expect(resumed.stdout[0]).toMatch(/^Resuming the move/);
  expect(resumed.stdout.join("\n")).toMatch(/^Moved in [\d.]+ s/m);

  const source = connect(path, { readonly: true });
  for (const { name } of movedTables) {
    const sql = `SELECT count(*) AS count FROM ${name}`;
    const [row] = await query<{ count: string }>(moved, sql);
    expect([name, Number(row!.count)]).toEqual([name, source.prepare(sql).pluck().get()]);
  }
  source.close();

  expect(await reasonOf(server.grpc.refreshToken({ refreshToken: newest }))).toBe("UNAVAILABLE");
  await server.stop();
  server = await startServer(onTarget, { folder });
  const startedAt = performance.now();
  const left = [...sample, newest];
  const refusals: (string | null)[] = [];
  await Promise.all(
    Array.from({ length: callers }, async () => {
      for (let refreshToken = left.pop(); refreshToken !== undefined; refreshToken = left.pop()) {
        const refused = await reasonOf(server.grpc.refreshToken({ refreshToken }));
        if (refused !== null) refusals.push(refused);
      }
    }),
  );
  console.log(`${sampled + 1} sessions refreshed in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
  expect(refusals).toEqual([]);
  await server.stop();
  await postgres.stop();
});
