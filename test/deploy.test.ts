import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Code } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import type { CountedEnd } from "../src/delivery/deliver.js";
import type { DeliveryResult } from "../src/delivery/provider.js";
import type { CountedReport } from "../src/delivery/take-reports.js";
import { AuthService } from "../src/gen/latchkey/v1/auth_service_pb.js";
import type { ChallengeRefusal } from "../src/model/challenge.js";
import type { Budget } from "../src/model/metrics.js";
import { connect } from "../src/store/sqlite/connect.js";
import { eventually, startTestApp, type TestApp } from "./support/app.js";
import { refused, wrongCode } from "./support/calls.js";
import { type Selected, selectedBy } from "./support/promql.js";
import { parseScrape, type Scrape } from "./support/scrape.js";
import { createAuthority } from "./support/tls.js";

const repository = new URL("../", import.meta.url).pathname;
const read = (path: string): string => readFileSync(join(repository, path), "utf8");

interface Query {
  readonly where: string;
  readonly expr: string;
  /** Its legend, summary or description. */
  readonly told: string;
}

interface Panel {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: { readonly summary: string; readonly description: string };
}

interface Dashboard {
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string; readonly definition?: string }[];
  };
  readonly panels: readonly Panel[];
}

const dashboard = JSON.parse(read("deploy/grafana-dashboard.json")) as Dashboard;
const { groups } = parse(read("deploy/alerts.yaml")) as { groups: readonly { rules: readonly Rule[] }[] };
const rules = groups.flatMap((group) => group.rules);

/** Grafana puts values in the place of its variables before Prometheus sees a query. */
const withoutVariables = (expr: string): string => expr.replaceAll("$__rate_interval", "5m");

const dashboardQueries: readonly Query[] = dashboard.panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ expr, legendFormat }) => ({ where: title, expr: withoutVariables(expr), told: legendFormat })),
);
const variableQueries: readonly Query[] = dashboard.templating.list.flatMap(({ name, definition }) => {
  const [, selector, label] = /^label_values\((.*), (\w+)\)$/.exec(definition ?? "") ?? [];
  return selector === undefined ? [] : [{ where: `$${name}`, expr: `count by (${label}) (${selector})`, told: "" }];
});
const alertQueries: readonly Query[] = rules.map(({ alert, expr, annotations }) => ({
  where: alert,
  expr,
  told: `${annotations.summary} ${annotations.description}`,
}));
const queries = [...dashboardQueries, ...variableQueries, ...alertQueries];

/** What Prometheus itself adds to every sample. */
const ofPrometheus = ["job", "instance"];

/** What labels that queries compare with something can be; their types keep these lists true. */
const knownValues: Readonly<Record<string, readonly string[]>> = {
  code: [
    "OK",
    ...Object.values(Code)
      .filter((code) => typeof code === "string")
      .map(upperSnake),
  ],
  outcome: [
    ...(["sent", "temporary", "unavailable", "permanent", "unknown"] satisfies DeliveryResult["kind"][]),
    ...(["forged", "malformed"] satisfies CountedReport["outcome"][]),
  ],
  status: ["sent", "failed", "expired", "undelivered"] satisfies CountedEnd["status"][],
  budget: ["app", "sms", "email", "prefix", "country", "hidden_number"] satisfies Budget[],
  method: AuthService.methods.map(({ name }) => `${AuthService.typeName}/${name}`),
  decoy: ["true", "false"],
  why: ["mismatch", "attempts_exhausted", "decoy", "unknown"] satisfies ChallengeRefusal[],
};

function upperSnake(name: string): string {
  return name.replace(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
}

describe("what deploy/ says of a running server", () => {
  let on: TestApp;
  let scrape: Scrape;
  const folder = mkdtempSync(join(tmpdir(), "latchkey-gateway-"));
  beforeAll(async () => {
    on = await startTestApp({ LATCHKEY_SMS_URL: `http-gateway://${writeGateway(folder)}?insecure=1#gateway` });
    await makeEverythingCount(on);
    const inTime = ["nodejs_gc_duration_seconds_sum", "latchkey_challenges_expired_total", "latchkey_route_failing"];
    const certificateMetrics = await metricsOfCertificate();
    scrape = await eventually("a scrape after a garbage collection and a sweep", async () => {
      const scraped = parseScrape((await metricsOf(on)) + certificateMetrics);
      return inTime.every((name) => scraped.labels.has(name)) ? scraped : undefined;
    });
  });
  afterAll(async () => {
    await on.stop();
    rmSync(folder, { recursive: true });
  });

  const ours = (): string[] => scrape.metrics.filter((name) => name.startsWith("latchkey_"));
  const metricOf = ({ name }: Selected): string => {
    const metric = name.replace(/_(bucket|sum|count)$/, "");
    return scrape.metrics.includes(metric) ? metric : name;
  };

  it.each(queries)("$where: its metrics and labels are in a scrape ($expr)", ({ expr }) => {
    const selected = selectedBy(expr);
    expect(selected).not.toEqual([]);
    for (const { name, matchers, groupedBy } of selected) {
      const labels = name === "up" ? [] : scrape.labels.get(name);
      expect(labels, name).toBeDefined();
      expect([...ofPrometheus, ...labels!], name).toEqual(
        expect.arrayContaining([...groupedBy, ...matchers.map(({ label }) => label)]),
      );
    }
  });

  it("every metric of ours is on the dashboard", () => {
    const shown = new Set(dashboardQueries.flatMap(({ expr }) => selectedBy(expr)).map(metricOf));
    expect(ours().filter((name) => !shown.has(name))).toEqual([]);
  });

  it("the table of docs/observability.md names every metric of ours and no other", () => {
    const rows = read("docs/observability.md")
      .split("\n")
      .filter((line) => line.startsWith("| `latchkey_"));
    const named = rows.flatMap((row) => {
      const names = [...row.split(" | ")[0]!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!);
      // `…` is what the first name of the row begins with.
      const beginning = names[0]!.split("_").slice(0, -2).join("_");
      return names.map((name) => name.replace("…", beginning));
    });
    expect(named.toSorted()).toEqual(ours().toSorted());
  });

  it("the table of docs/observability.md gives each metric the labels it has", () => {
    const wrong = [...read("docs/observability.md").matchAll(/^\| `(latchkey_\w+)`.*? \| ([\w, ]*) ?\| /gm)].filter(
      ([, name, told]) => {
        const labels = [...(scrape.labels.get(name!) ?? scrape.labels.get(`${name}_count`) ?? [])];
        return !labels.every((label) =>
          told!
            .split(", ")
            .map((word) => word.trim())
            .includes(label),
        );
      },
    );
    expect(wrong.map(([row]) => row)).toEqual([]);
  });
});

const metricsOf = async ({ app }: TestApp) => await (await fetch(`http://127.0.0.1:${app.metricsPort}/metrics`)).text();

/** A carrier of SMS with reports. Nothing is sent over it. */
function writeGateway(folder: string): string {
  const path = join(folder, "gateway.json");
  const authentication = { type: "header", header: "x-key", value: "a key of sixteen" };
  const description = {
    channels: ["sms"],
    request: { url: "http://127.0.0.1:9/", body: { json: { to: "{to}", text: "{text}" } } },
    success: {},
    reports: { authentication, message_id: "/id", status: "/status", statuses: {} },
  };
  writeFileSync(path, JSON.stringify(description));
  return path;
}

/** What only a server with TLS files tells. */
async function metricsOfCertificate(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-deploy-"));
  const { cert, key } = createAuthority().issue(["localhost"]);
  const [certFile, keyFile] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  writeFileSync(certFile, cert);
  writeFileSync(keyFile, key);
  const on = await startTestApp({ LATCHKEY_TLS: "files", LATCHKEY_TLS_CERT: certFile, LATCHKEY_TLS_KEY: keyFile });
  const metrics = await metricsOf(on);
  await on.stop();
  rmSync(folder, { recursive: true });
  return metrics
    .split("\n")
    .filter((line) => line.includes("latchkey_tls_"))
    .join("\n");
}

/** Has every metric that gets its labels by an event met that event. */
async function makeEverythingCount(on: TestApp): Promise<void> {
  const identifier = { case: "email", value: "ada@example.com" } as const;
  const { challenge } = await on.auth.sendOtp({ identifier, createUserIfMissing: true });
  const { challengeId, code } = await on.messageOf(challenge);
  await refused(on.auth.sendOtp({ identifier, createUserIfMissing: true }));
  on.clock.advance(60_000);
  await on.auth.sendOtp({ identifier: { case: "challengeId", value: challengeId } });
  await refused(on.auth.verifyOtp({ challengeId, code: wrongCode(code) }));
  await on.auth.verifyOtp({ challengeId, code });
  await on.auth.sendOtp({ identifier: { case: "email", value: "grace@example.com" }, createUserIfMissing: true });
  expect((await fetch(`http://127.0.0.1:${on.app.httpPort}/delivery/reports/gateway`, { method: "POST" })).status).toBe(403);
  on.clock.advance(6 * 60_000);

  const other = connect(join(on.folder, "latchkey.db"));
  other.exec(`INSERT INTO key_checks (use, key_id, "check") VALUES ('master', '2', x'00')`);
  other.exec(`INSERT INTO route_health VALUES ('twilio', 'sms', 'SE', '[]', 1, 0, 0, 1, ${on.clock()})`);
  const foreign = `lk1.2.${"A".repeat(22)}.0.${"A".repeat(43)}`;
  expect((await refused(on.auth.refreshToken({ refreshToken: foreign }))).reason).toBe("UNAVAILABLE");
  other.exec("BEGIN EXCLUSIVE");
  expect((await refused(on.auth.sendOtp({ identifier: { case: "email", value: "b@example.com" } }))).code).toBe("Unavailable");
  other.close();

  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
}

describe("queries", () => {
  it.each([...dashboardQueries, ...alertQueries])("$where looks at no other job's metrics", ({ expr }) => {
    const jobless = selectedBy(expr).filter(({ matchers }) => !matchers.some(({ label }) => label === "job"));
    expect(jobless).toEqual([]);
  });

  it.each(queries)("$where compares labels with what they can be, and tells of labels that are left", ({ expr, told }) => {
    const selected = selectedBy(expr);
    for (const { label, values } of selected.flatMap(({ matchers }) => matchers)) {
      if (!ofPrometheus.includes(label)) expect(knownValues[label], label).toEqual(expect.arrayContaining([...values]));
    }
    const left = [...ofPrometheus, ...selected.flatMap(({ groupedBy }) => groupedBy)];
    for (const [, inLegend, inText] of told.matchAll(/\{\{(\w+)\}\}|\$labels\.(\w+)/g))
      expect(left).toContain(inLegend ?? inText);
  });
});

it("every panel of the dashboard asks the data source that its user chooses", () => {
  expect(dashboard.templating.list).toContainEqual(expect.objectContaining({ name: "datasource", type: "datasource" }));
  expect(JSON.stringify(dashboard).match(/"uid":"(?!\$\{datasource\})[^"]*"/g)).toEqual(['"uid":"latchkey"']);
});

describe("the alerts", () => {
  const promtool = spawnSync("promtool", ["--version"]).status === 0;

  // On a newcomer's machine it may be missing.
  it.skipIf(!promtool && process.env.CI !== "true")(
    "are rules to promtool, and fire and rest as they should",
    () => {
      const check = spawnSync("promtool", ["check", "rules", join(repository, "deploy/alerts.yaml")], { encoding: "utf8" });
      expect(check.status, check.stderr).toBe(0);
      const test = spawnSync("promtool", ["test", "rules", join(repository, "test/deploy/alerts.yaml")], { encoding: "utf8" });
      expect(test.status, test.stdout + test.stderr).toBe(0);
    },
    60_000,
  );
});
