import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startMailbox } from "../kill/mail.js";
import { refused } from "../support/calls.js";
import { type RestartableServer, startRestartableServer } from "../support/postgres-server.js";
import { type Env, endServers, productionEnv, type Server, startServer } from "../support/server.js";
import { repository } from "./support/paths.js";
import { hasPrometheus, type Prometheus, startPrometheus } from "./support/prometheus.js";
import { runWell } from "./support/run.js";
import { until } from "./support/until.js";

const reason = "there is no prometheus here: `.ci/run` brings it, or `apt-get install prometheus`";
const skipped = process.env.CI !== "true" && !hasPrometheus();
if (skipped) console.warn(`skipped: ${reason}`);

/** What is done at each deployment before its metrics are looked at. */
const signIns = 4;
const wrongGuesses = 3;
const refreshes = 5;

describe.skipIf(skipped)("a real Prometheus, configured as docs/observability.md says", () => {
  const codes = new Map<string, string>();
  let mail: Awaited<ReturnType<typeof startMailbox>>;
  let postgres: RestartableServer;
  let folder: string;
  let prometheus: Prometheus;
  /** By where their metrics are, which Prometheus calls `instance`. */
  const deployments = new Map<string, Server>();

  beforeAll(async () => {
    if (!hasPrometheus()) throw new Error(reason);
    mail = await startMailbox((to, code) => codes.set(to, code));
    postgres = await startRestartableServer();
    for (const env of [{ LATCHKEY_WORKERS: "2", LATCHKEY_DATABASE_URL: `${postgres.url}?sslmode=disable` }, {}] as Env[]) {
      const server = await startServer({ ...productionEnv(mail.port), ...env });
      const port = /"metrics":(\d+)/.exec(server.stdout.find((line) => line.includes('"serving"'))!)![1];
      deployments.set(`127.0.0.1:${port}`, server);
      await use(server);
    }
    folder = mkdtempSync(join(tmpdir(), "latchkey-prometheus-config-"));
    copyFileSync(join(repository, "deploy/alerts.yaml"), join(folder, "latchkey-alerts.yaml"));
    writeFileSync(join(folder, "prometheus.yml"), configuration([...deployments.keys()]));
    prometheus = await startPrometheus(join(folder, "prometheus.yml"));
  });

  afterAll(async () => {
    await prometheus?.stop();
    await endServers();
    await postgres?.stop();
    await mail?.stop();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  /** The page's, but that it looks more often, and at these. */
  function configuration(targets: readonly string[]): string {
    const block = /^```yaml\n(rule_files: [\s\S]*?)^```$/m.exec(
      readFileSync(join(repository, "docs/observability.md"), "utf8"),
    )![1]!;
    expect(block).toContain('targets: ["127.0.0.1:9464"]');
    const looked = block
      .replace("scrape_interval: 15s", "scrape_interval: 500ms")
      .replace('["127.0.0.1:9464"]', JSON.stringify(targets));
    return `global: { evaluation_interval: 500ms }\n${looked}`;
  }

  async function use(server: Server): Promise<void> {
    for (let n = 0; n < signIns; n += 1) {
      const email = `user${n}@${server.pid}.example.com`;
      const { challenge } = await server.grpc.sendOtp({
        identifier: { case: "email", value: email },
        createUserIfMissing: true,
      });
      const { challengeId } = challenge!;
      const code = await until("the code", async () => codes.get(email));
      const wrong = String((Number(code) + 1) % 1_000_000).padStart(6, "0");
      if (n < wrongGuesses)
        expect((await refused(server.auth.verifyOtp({ challengeId, code: wrong }))).reason).toBe("CODE_INVALID");
      const { tokens } = await server.auth.verifyOtp({ challengeId, code });
      let refreshToken = tokens!.refreshToken;
      for (let turn = 0; n === 0 && turn < refreshes; turn += 1) {
        refreshToken = (await server.auth.refreshToken({ refreshToken })).tokens!.refreshToken;
      }
    }
  }

  const calls = (method: string, door: string, code: string): string =>
    `sum by (instance) (latchkey_call_duration_seconds_count{job="latchkey", method="latchkey.v1.AuthService/${method}", door="${door}", code="${code}"})`;

  it("takes both to be up, PostgreSQL with two workers and SQLite, and complains of nothing in their scrapes", async () => {
    const up = await until("two scrapes", async () => {
      const values = await prometheus.valuesBy("instance", 'up{job="latchkey"}');
      return Object.keys(values).length === 2 ? values : undefined;
    });
    expect(up).toEqual(Object.fromEntries([...deployments.keys()].map((instance) => [instance, 1])));
    const { activeTargets } = await prometheus.api<{ activeTargets: { health: string; lastError: string }[] }>("targets");
    expect(activeTargets.map(({ health, lastError }) => [health, lastError])).toEqual([
      ["up", ""],
      ["up", ""],
    ]);
  });

  it.each([
    ["codes asked for over gRPC", calls("SendOtp", "grpc", "OK"), signIns],
    ["sign-ins over the web door", calls("VerifyOtp", "web", "OK"), signIns],
    ["wrong guesses as calls", calls("VerifyOtp", "web", "UNAUTHENTICATED"), wrongGuesses],
    ["refreshes", calls("RefreshToken", "web", "OK"), refreshes],
    ["codes issued", "sum by (instance) (latchkey_challenges_issued_total)", signIns],
    ["codes redeemed", 'latchkey_challenges_redeemed_total{purpose="login", channel="email"}', signIns],
    ["wrong guesses", 'latchkey_guesses_refused_total{why="mismatch"}', wrongGuesses],
    ["mails", 'latchkey_delivery_tries_total{channel="email", provider="smtp", outcome="sent"}', signIns],
    ["calls in flight", "latchkey_calls_in_flight", 0],
    ["messages that are due", "latchkey_outbox_age_seconds", 0],
  ])("counts %s, over all workers", async (_, query, count) => {
    const wanted = Object.fromEntries([...deployments.keys()].map((instance) => [instance, count]));
    let last: unknown;
    await until(`${query} = ${count}`, async () => {
      last = await prometheus.valuesBy("instance", query);
      return JSON.stringify(sorted(last)) === JSON.stringify(sorted(wanted)) || undefined;
    }).catch(() => expect(last).toEqual(wanted));
  });

  it("knows every metric of the table in docs/observability.md, with its type and help", async () => {
    const known = await prometheus.api<Record<string, { type: string; help: string }[]>>("metadata");
    const rows = readFileSync(join(repository, "docs/observability.md"), "utf8").matchAll(/^\| `(latchkey_\w+)`/gm);
    // Those of certificates are there only where this server does TLS by files, which these do not.
    const named = Array.from(rows, ([, name]) => name!).filter((name) => !name.startsWith("latchkey_tls_"));
    expect(named.length).toBeGreaterThan(8);
    for (const name of named) {
      const [told] = known[name] ?? known[name.replace(/_total$/, "")] ?? [];
      expect(told?.type, name).toMatch(/^(counter|gauge|histogram)$/);
      expect(told?.help, name).not.toBe("");
    }
  });

  it("evaluates every rule of deploy/alerts.yaml without an error, and none fires", async () => {
    interface Rules {
      readonly groups: { readonly rules: { name: string; health: string; state: string; lastError?: string }[] }[];
    }
    const rules = await until("an evaluation of all rules", async () => {
      const found = (await prometheus.api<Rules>("rules")).groups.flatMap((group) => group.rules);
      // Until the first scrape nothing is up, which is an alert that is pending.
      const rest = found.every(({ health, state }) => health !== "unknown" && state === "inactive");
      return found.length > 0 && rest ? found : undefined;
    });
    const written = [...readFileSync(join(repository, "deploy/alerts.yaml"), "utf8").matchAll(/- alert: (\w+)/g)];
    expect(rules.map(({ name }) => name)).toEqual(written.map(([, name]) => name));
    expect(rules.filter(({ health, lastError }) => health !== "ok" || lastError !== undefined)).toEqual([]);
  });

  it("and promtool take the configuration and the rules, which fire and rest as their tests say", async () => {
    expect(await runWell("promtool", ["check", "config", join(folder, "prometheus.yml")])).toContain("SUCCESS");
    await runWell("promtool", ["test", "rules", join(repository, "test/deploy/alerts.yaml")]);
  });
});

function sorted(values: unknown): unknown {
  return Object.entries(values as object).sort(([a], [b]) => a.localeCompare(b));
}
