import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Server, startServer } from "../support/postgres-server.js";
import { inboxMessages } from "./support/caller.js";
import { type Latchkey, startLatchkey } from "./support/latchkey.js";
import { requireOf } from "./support/npm-packages.js";
import { cache, interop, python } from "./support/paths.js";
import { runWell } from "./support/run.js";
import { until } from "./support/until.js";

interface Answer {
  /** Null: the program does not know it. */
  readonly status: number | null;
  readonly body: {
    readonly data: { readonly pinId?: string; readonly message: { readonly code: number; readonly message: string } };
  };
}

/** Programs that were written for Beem. */
const programs = [
  { name: "beem-africa of PyPI", command: python, file: "python/beem_africa_client.py" },
  { name: "Python with requests", command: python, file: "python/beem_pins.py" },
  { name: "JavaScript with axios", command: process.execPath, file: "node/beem_pins.cjs" },
  { name: "PHP with curl", command: "php", file: "php/beem_pins.php" },
] as const;

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe.each(["SQLite", "PostgreSQL"])("programs written for Beem on %s", (engine) => {
  let database: Server | undefined;
  let latchkey: Latchkey;

  beforeAll(async () => {
    await requireOf("beem", { axios: "1.21.1" });
    if (engine === "PostgreSQL") database = await startServer();
    latchkey = await startLatchkey(database === undefined ? {} : { LATCHKEY_DATABASE_URL: database.url });
  }, 240_000);
  afterAll(async () => {
    await latchkey?.stop();
    await database?.stop();
  });

  describe.each(programs)("$name", ({ name, command, file }) => {
    const msisdn = `25570100000${programs.findIndex((program) => program.name === name)}`;

    async function run(...args: readonly string[]): Promise<Answer> {
      const { clientId, clientSecret } = latchkey.backend;
      const env = { API_KEY: clientId, SECRET_KEY: clientSecret, NODE_PATH: join(cache, "npm/beem/node_modules") };
      const printed = await runWell(command, [join(interop, file), latchkey.issuer, ...args], { env });
      const answer = JSON.parse(printed) as Answer;
      if (answer.status !== null) expect(answer.status, printed).toBe(answer.body.data.message.code === 106 ? 404 : 200);
      return answer;
    }
    const codeOf = async (...args: readonly string[]) => (await run(...args)).body.data.message.code;

    it("requests a pin and verifies it, and reads the codes of wrong, used and unknown ones", async () => {
      const { data } = (await run("request", "1", msisdn)).body;
      expect(data).toEqual({
        pinId: expect.stringMatching(uuid),
        message: { code: 100, message: "SMS sent successfully" },
      });
      const { code } = await until("the pin", async () =>
        (await inboxMessages(latchkey)).find(({ to }) => to === `+${msisdn}`),
      );
      const wrong = code === "000000" ? "000001" : "000000";
      expect(await codeOf("verify", data.pinId!, wrong)).toBe(114);
      expect((await run("verify", data.pinId!, code)).body).toEqual({ data: { message: { code: 117, message: "Valid Pin" } } });
      expect(await codeOf("verify", data.pinId!, code)).toBe(118);
      expect(await codeOf("verify", "8fa81447-4a14-4c2f-925b-78be40047c63", code)).toBe(113);
      expect(await codeOf("request", "2", msisdn)).toBe(106);
    });
  });
});
