import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testDatabases, urlOf } from "../support/postgres.js";
import {
  developmentEnv,
  type Env,
  endServers,
  latchkeyBin,
  newFolder,
  productionEnv,
  runLatchkey,
  type Server,
  startServer,
} from "../support/server.js";

const launcher = join(dirname(latchkeyBin), "latchkey");
/** The command starts the first `node` of PATH: the one that runs this test. */
const PATH = [dirname(process.execPath), process.env.PATH].join(delimiter);

/** As npm installs the command: relative links, here also in a folder whose name has spaces. */
function linked(): string {
  const folder = join(newFolder(), "an app");
  mkdirSync(join(folder, "node_modules/.bin"), { recursive: true });
  symlinkSync(dirname(dirname(launcher)), join(folder, "node_modules/latchkey"));
  symlinkSync("../latchkey/dist/latchkey", join(folder, "node_modules/.bin/latchkey"));
  symlinkSync("node_modules/.bin/latchkey", join(folder, "a link to the link"));
  return join(folder, "a link to the link");
}

/** What a process was started with. */
function started(pid: number): { readonly command: readonly string[]; readonly malloc: Env } {
  const read = (name: string) => readFileSync(`/proc/${pid}/${name}`, "utf8").split("\0").slice(0, -1);
  const variables = read("environ").filter((one) => /^(?:MALLOC_|GLIBC_)/.test(one));
  return {
    command: read("cmdline"),
    malloc: Object.fromEntries(variables.map((one) => [one.slice(0, one.indexOf("=")), one.slice(one.indexOf("=") + 1)])),
  };
}

const childrenOf = ({ pid }: Server) => readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").map(Number);

const malloc = {
  MALLOC_ARENA_MAX: "1",
  MALLOC_MMAP_THRESHOLD_: "33554432",
  MALLOC_TRIM_THRESHOLD_: "67108864",
  GLIBC_TUNABLES: "glibc.malloc.hugetlb=1",
};

describe("the latchkey command", () => {
  const databases = testDatabases();
  let database: string;

  beforeAll(async () => {
    database = urlOf(await databases.create());
  });
  afterAll(endServers);

  it("becomes the server, in the same process, with glibc's memory settings; SIGTERM reaches the server", async () => {
    const server = await startServer({ ...developmentEnv(), PATH }, { program: [linked()] });
    const { command, malloc: set } = started(server.pid);
    expect([command[0], command.at(-1), set]).toEqual(["node", "serve", malloc]);
    const exit = await server.stop();
    expect([exit.code, exit.signal, exit.stdout.at(-1)]).toEqual([0, null, expect.stringContaining("stopped")]);
  });

  it("gives the memory settings to workers too", async () => {
    const env = { ...productionEnv(), PATH, LATCHKEY_WORKERS: "2", LATCHKEY_DATABASE_URL: database };
    const server = await startServer(env, { program: [launcher] });
    expect(childrenOf(server).map((pid) => started(pid).malloc)).toEqual([malloc, malloc]);
  });

  it("leaves memory settings that are set as they are; an empty one, which glibc reads as 0, counts as unset", async () => {
    const own = {
      MALLOC_ARENA_MAX: "2",
      MALLOC_MMAP_THRESHOLD_: "",
      MALLOC_TRIM_THRESHOLD_: "1048576",
      GLIBC_TUNABLES: "glibc.malloc.perturb=0",
    };
    const server = await startServer({ ...developmentEnv(), PATH, ...own }, { program: [launcher] });
    expect(started(server.pid).malloc).toEqual({ ...own, MALLOC_MMAP_THRESHOLD_: malloc.MALLOC_MMAP_THRESHOLD_ });
  });

  it("passes arguments and the exit code through", async () => {
    const well = await runLatchkey(["config", "--markdown"], { PATH }, newFolder(), [launcher]);
    expect([well.code, well.stdout[0]]).toEqual([0, "### Basics"]);
    const refused = await runLatchkey(["no such command"], { PATH }, newFolder(), [launcher]);
    expect([refused.code, refused.stderr[0]]).toEqual([1, expect.stringContaining("no such command")]);
  });
});

describe("package.json", () => {
  const { bin, scripts } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
    bin: { latchkey: string };
    scripts: { start: string };
  };

  it("has the command as its bin, and `npm start` runs it", () => {
    expect(bin).toEqual({ latchkey: "dist/latchkey" });
    expect(scripts.start).toMatch(/ exec dist\/latchkey serve$/);
  });
});
