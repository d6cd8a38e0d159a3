import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { connect } from "../../src/store/sqlite/connect.js";
import { bearer, keyIdOf, reasonOf, signIn } from "../serve/sign-in.js";
import { developmentEnv, endServers, killDuring, newFolder, runLatchkey, startServer } from "../support/server.js";
import { createRandom } from "./random.js";

afterEach(endServers);

const random = createRandom(Number(process.env.LATCHKEY_KILL_SEED ?? 1));

it("first starts that are killed at any moment leave nothing that a later start trips over", async () => {
  for (let round = 0; round < 8; round += 1) {
    const folder = newFolder();
    const env = developmentEnv();
    await killDuring(["serve"], env, folder, random.between(150, 600));
    // Two at once, as behind a balancer: one migrates and makes the keys, the other finds them.
    const servers = await Promise.all([startServer(env, { folder }), startServer(env, { folder })]);
    const tokens = await Promise.all(servers.map((server, n) => signIn(server, `user${n}@example.com`, servers)));
    expect(new Set(tokens.map(({ accessToken }) => keyIdOf(accessToken))).size).toBe(1);
    await Promise.all(servers.map((server) => server.stop()));
    const db = connect(join(folder, "latchkey.db"));
    expect(db.pragma("integrity_check", { simple: true })).toBe("ok");
    expect(db.prepare("SELECT use, count(*) AS n FROM keys GROUP BY use ORDER BY use").all()).toEqual([
      { use: "lookup", n: 1 },
      { use: "signing", n: 1 },
    ]);
    db.close();
  }
});

it("rotations that are killed at any moment leave keys that sign, and tokens from before stay good", async () => {
  const env = { ...developmentEnv(), LATCHKEY_KEY_LEAD: "0" };
  let server = await startServer(env);
  const before = await signIn(server, "ada@example.com");
  for (let round = 0; round < 6; round += 1) {
    await killDuring(["keys", "rotate"], env, server.folder, random.between(150, 500));
  }
  await server.kill();
  server = await server.restart();
  expect(await reasonOf(server.grpc.getCurrentUser({}, bearer(before.accessToken)))).toBeNull();
  const after = await signIn(server, "grace@example.com");
  expect(await reasonOf(server.grpc.getCurrentUser({}, bearer(after.accessToken)))).toBeNull();
  expect((await runLatchkey(["doctor"], env, server.folder)).code).toBe(0);
});
