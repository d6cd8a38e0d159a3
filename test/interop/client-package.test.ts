import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { packClient } from "../support/client-package.js";
import { freePort } from "../support/ports.js";
import { inboxMessages } from "./support/caller.js";
import { type Latchkey, startLatchkey } from "./support/latchkey.js";
import { repository } from "./support/paths.js";
import { withPorts } from "./support/readme.js";
import { cleanEnv, run, runWell } from "./support/run.js";
import { until } from "./support/until.js";

const megabytesMax = 30;
const typescripts = { "5.6": "5.6.3", "5.7": "5.7.3", "5.8": "5.8.3", "5.9": "5.9.3", "6.0": "6.0.3" } as const;
const others = ["express@5.3.0", "@types/express@5.0.6", "fastify@5.12.8", "@types/node@20.19.43"];

let app: string;
let latchkey: Latchkey;

const install = (...packages: readonly string[]) =>
  runWell("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error", ...packages], { cwd: app, timeoutMs: 180_000 });

beforeAll(async () => {
  app = mkdtempSync(join(tmpdir(), "latchkey-app-"));
  writeFileSync(join(app, "package.json"), JSON.stringify({ name: "app", private: true, type: "module" }));
  latchkey = await startLatchkey({ LATCHKEY_TRUSTED_PROXIES: "127.0.0.1" });
  await install(await packClient(app), "@grpc/grpc-js@1.14.7");
}, 240_000);
afterAll(async () => {
  await latchkey.stop();
  rmSync(app, { recursive: true, force: true });
});

const filesIn = (folder: string) =>
  readdirSync(folder, { recursive: true, encoding: "utf8" }).map((file) => join(folder, file));

describe("an app with latchkey-client and grpc-js alone", () => {
  it("has less than 30 MB of packages", () => {
    const bytes = filesIn(join(app, "node_modules")).reduce((sum, file) => {
      const { blocks } = statSync(file);
      return sum + blocks * 512;
    }, 0);
    console.info(`node_modules: ${(bytes / 1e6).toFixed(1)} MB on disk`);
    expect(bytes).toBeLessThan(megabytesMax * 1e6);
  });

  it("has no native module, and no install script but protobufjs's, which only prints a warning", () => {
    const native = filesIn(join(app, "node_modules")).filter((file) => /\.node$|binding\.gyp$/.test(file));
    expect(native).toEqual([]);
    const { packages } = JSON.parse(readFileSync(join(app, "package-lock.json"), "utf8")) as {
      packages: Record<string, { hasInstallScript?: boolean }>;
    };
    expect(Object.keys(packages).filter((name) => packages[name]!.hasInstallScript)).toEqual(["node_modules/protobufjs"]);
  });

  it("signs a user in over gRPC and verifies the access token", async () => {
    const program = `
      import { credentials } from "@grpc/grpc-js";
      import { createAccessTokenVerifier } from "latchkey-client";
      import { createGrpcClient } from "latchkey-client/grpc";
      const auth = createGrpcClient("localhost:50051", credentials.createInsecure());
      const identifier = { case: "email", value: "alone@example.com" };
      const { challenge } = await auth.sendOtp({ identifier, createUserIfMissing: true });
      const [{ code }] = await (await fetch("http://localhost:8025/messages?to=alone@example.com")).json();
      const { user, tokens } = await auth.verifyOtp({ challengeId: challenge.challengeId, code });
      const { userId } = await createAccessTokenVerifier({ issuer: "http://localhost:8080" })(tokens.accessToken);
      console.log(userId === user.userId);
      auth.close();`;
    writeFileSync(join(app, "alone.js"), withPorts(program, latchkey.ports));
    expect(await runWell(process.execPath, ["alone.js"], { cwd: app })).toBe("true\n");
  });
});

describe("with TypeScript and frameworks beside it,", () => {
  beforeAll(async () => {
    const aliases = Object.entries(typescripts).map(([name, version]) => `typescript-${name}@npm:typescript@${version}`);
    await install(...others, ...aliases);
  }, 240_000);

  const resolutions = { bundler: "esnext", nodenext: "nodenext" } as const;
  const cases = Object.keys(typescripts).flatMap((version) =>
    Object.entries(resolutions).map(([resolution, module]) => ({ version, resolution, module })),
  );

  it.each(cases)(
    "strict TypeScript $version with moduleResolution $resolution takes its types",
    async ({ version, resolution, module }) => {
      const source = `
        import { credentials } from "@grpc/grpc-js";
        import { createAccessTokenVerifier, createLatchkeyClient, errorDetails } from "latchkey-client";
        import { Purpose, type User } from "latchkey-client/gen";
        import { createGrpcClient, createServiceClient } from "latchkey-client/grpc";
        import { createServiceClient as overConnect, type ServiceClient } from "latchkey-client/service";
        const client = createLatchkeyClient({ baseUrl: "http://localhost" });
        export const user: User | undefined = (await client.auth.getCurrentUser({})).user;
        const inCookie = createLatchkeyClient({ baseUrl: "/", session: "cookie" });
        export const sameUser: User | null = await inCookie.currentUser();
        // @ts-expect-error there are no tokens
        await inCookie.getAccessToken();
        const backend = createGrpcClient("localhost:1", credentials.createInsecure());
        const { challenge } = await backend.sendOtp({ identifier: { case: "email", value: "a" }, purpose: Purpose.LOGIN });
        export const id: string | undefined = challenge?.challengeId;
        // @ts-expect-error there is no such method
        await backend.nothing({});
        const secret = { clientId: "backend", clientSecret: "lk_" };
        export const services: ServiceClient[] = [
          createServiceClient({ target: "localhost:1", ...secret }),
          overConnect({ baseUrl: "http://localhost", ...secret }),
        ];
        export const { app } = await services[0]!.app.getApp({ appId: "default" });
        await services[0]!.forEndUser("192.0.2.1").auth.sendOtp({ identifier: { case: "email", value: "a" } });
        // @ts-expect-error there is no such field
        await services[1]!.token.issueClientToken({ nothing: 1 });
        const claims = await createAccessTokenVerifier({ issuer: "" })("", { clientScopes: [] });
        export const subject: string = claims.kind === "user" ? claims.userId : claims.clientId;
        export { errorDetails };`;
      expect(await compile(`typescript-${version}`, "types.ts", source, { module, moduleResolution: resolution })).toBe("");
    },
  );

  it.each(["express", "fastify"])("the %s example is short, compiles and signs a user in", async (name) => {
    const example = join(repository, `docs/examples/${name}.ts`);
    expect(readFileSync(example, "utf8").split("\n").length).toBeLessThanOrEqual(40);
    const source = withPorts(readFileSync(example, "utf8"), latchkey.ports);
    const compiled = await compile("typescript-6.0", `${name}.ts`, source, { module: "nodenext", noEmit: false });
    expect(compiled).toBe("");
    const port = await freePort();
    const { clientId, clientSecret } = latchkey.backend;
    const env = cleanEnv({ PORT: String(port), CLIENT_ID: clientId, CLIENT_SECRET: clientSecret });
    const child = spawn(process.execPath, [`${name}.js`], { cwd: app, env, stdio: "ignore" });
    try {
      await signInThrough(child, `http://127.0.0.1:${port}`, `${name}@example.com`);
    } finally {
      child.kill();
    }
  });
});

/** Returns what the compiler complains about. */
async function compile(typescript: string, file: string, source: string, options: object): Promise<string> {
  writeFileSync(join(app, file), source);
  const compilerOptions = {
    target: "ES2022",
    lib: ["ES2022", "DOM", "DOM.Iterable"],
    strict: true,
    verbatimModuleSyntax: true,
    // The types of Connect and protobuf-es need 5.7.
    skipLibCheck: typescript === "typescript-5.6",
    noEmit: true,
    types: ["node"],
    ...options,
  };
  writeFileSync(join(app, "tsconfig.json"), JSON.stringify({ compilerOptions, files: [file] }));
  const { stdout } = await run(process.execPath, [join("node_modules", typescript, "lib/tsc.js"), "-p", "."], { cwd: app });
  return stdout;
}

async function signInThrough(child: ChildProcess, url: string, email: string): Promise<void> {
  const post = async (path: string, body: object) => {
    const response = await fetch(url + path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    return { status: response.status, body: (await response.json()) as Record<string, string> };
  };
  const me = (token: string) => fetch(`${url}/me`, { headers: { authorization: `Bearer ${token}` } });
  await until("the example serves", async () => {
    if (child.exitCode !== null) throw new Error(`the example ended with ${child.exitCode}`);
    return (await me("none").catch(() => null))?.status === 401 || undefined;
  });
  const { challengeId } = (await post("/login", { email })).body;
  const code = (await inboxMessages(latchkey)).find(({ to }) => to === email)!.code;
  const wrong = code === "000000" ? "000001" : "000000";
  expect(await post("/login/code", { challengeId, code: wrong })).toMatchObject({
    status: 400,
    body: { reason: "CODE_INVALID" },
  });
  const { accessToken } = (await post("/login/code", { challengeId, code })).body;
  const answer = await me(accessToken!);
  expect(answer.status).toBe(200);
  expect(await answer.json()).toMatchObject({ userId: expect.any(String) });
}
