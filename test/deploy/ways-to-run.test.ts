import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { type Env, readSettings, type Settings } from "../../src/config/settings.js";
import { table } from "../../src/config/table.js";
import { secretsScript } from "../support/compose-secrets.js";

const repository = new URL("../../", import.meta.url).pathname;
const read = (path: string): string => readFileSync(join(repository, path), "utf8");

const ports = { grpc: 50051, http: 8080, metrics: 9464 };
it("the ports of these tests are the defaults", () => {
  const { grpcListen, httpListen, metricsListen } = table;
  const defaults = [grpcListen, httpListen, metricsListen].map((row) => row.defaults.production!.split(":")[1]);
  expect(defaults).toEqual(Object.values(ports).map(String));
});

const key = () => randomBytes(32).toString("base64");
/** By the names that the files have in the compose file and in the manifests. */
const secrets: Readonly<Record<string, string>> = {
  pepper: key(),
  "master-key": key(),
  "database-url": "postgres://latchkey:password@db.example.com/latchkey",
  "smtp-url": "smtp://user:password@mail.example.com?from=codes@example.com",
  "metrics-token": "0123456789abcdef",
};

/** What Latchkey reads from an environment whose secrets are files in `folder`. Throws for settings that it refuses. */
function settingsOf(env: Env, folder: string): Settings {
  const readText = (path: string): string => {
    const text = path.startsWith(`${folder}/`) ? secrets[path.slice(folder.length + 1)] : undefined;
    if (text === undefined) throw new Error(`no secret ${path}`);
    return text;
  };
  const result = readSettings(env, { files: { readText } });
  if (!result.ok) throw new Error(result.problems.join("\n"));
  return result.settings;
}

interface Service {
  readonly image: string;
  readonly user?: string;
  readonly read_only: boolean;
  readonly cap_drop: readonly string[];
  readonly security_opt: readonly string[];
  readonly restart: string;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly environment?: Env;
  readonly healthcheck?: object;
  readonly stop_grace_period?: string;
  readonly command?: readonly string[];
}

describe("deploy/compose.yaml", () => {
  const { services } = parse(read("deploy/compose.yaml"), { merge: true }) as { services: Readonly<Record<string, Service>> };
  const { latchkey } = services;
  const { environment: env = {} } = latchkey!;

  it("gives Latchkey settings that it accepts: production mode on PostgreSQL, with each secret in a file", () => {
    const settings = settingsOf(env, "/secrets");
    expect(settings).toMatchObject({
      mode: "production",
      database: { kind: "postgres" },
      issuer: `http://localhost:${ports.http}`,
    });
    const shown = Object.values(table).filter(({ secret }) => secret === true);
    const inTheClear = shown.map(({ name }) => name).filter((name) => env[name] !== undefined);
    // The mail catcher takes mail without a password.
    expect(inTheClear).toEqual(["LATCHKEY_SMTP_URL"]);
    expect(settings.carriers).toMatchObject([{ channel: "email", spec: { kind: "smtp", smtp: { host: "mail", user: null } } }]);
  });

  it("opens the two doors and the page of the mail catcher, to this machine alone", () => {
    const open = Object.entries(services).flatMap(([name, service]) => (service.ports ?? []).map((port) => `${name} ${port}`));
    expect(open.toSorted()).toEqual([
      `latchkey 127.0.0.1:${ports.grpc}:${ports.grpc}`,
      `latchkey 127.0.0.1:${ports.http}:${ports.http}`,
      "mail 127.0.0.1:8025:8025",
    ]);
  });

  it.each(Object.entries(services))(
    "%s can do little: read-only, without capabilities, from an image of one version",
    (name, service) => {
      expect(service).toMatchObject({ read_only: true, cap_drop: ["ALL"], security_opt: ["no-new-privileges:true"] });
      expect(service.image).toMatch(/^[\w/]+:v?\d+\.\d+(\.\d+)?$/);
      if (name === "secrets") expect(service.restart).toBe("no");
      else expect(service).toMatchObject({ restart: "unless-stopped", healthcheck: expect.anything() });
    },
  );

  it("has the image of this version", () => {
    expect(latchkey!.image).toBe(`latchkey:${(JSON.parse(read("package.json")) as { version: string }).version}`);
  });

  it("waits as long as Latchkey takes to stop", () => {
    const { drainDelayMs } = settingsOf(env, "/secrets");
    expect(Number.parseInt(latchkey!.stop_grace_period!, 10) * 1000).toBeGreaterThan(drainDelayMs + 20_000);
  });

  describe("makes secrets", () => {
    const folder = mkdtempSync(join(tmpdir(), "latchkey-compose-"));
    afterAll(() => rmSync(folder, { recursive: true }));
    const run = () => execFileSync("sh", ["-euc", secretsScript(services.secrets!.command![0]!, folder)]);
    const contents = () =>
      Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), "utf8")]));

    it("that Latchkey accepts, all that the compose file names, and keeps them at the next start", () => {
      run();
      const made = contents();
      const named = Object.values(services).flatMap(({ environment = {} }) => Object.values(environment));
      const files = named.flatMap((value) => /^\/secrets\/(.+)$/.exec(value ?? "")?.[1] ?? []);
      expect(Object.keys(made).toSorted()).toEqual([...new Set(files)].toSorted());
      const result = readSettings(env, {
        files: { readText: (path) => readFileSync(path.replace("/secrets", folder), "utf8") },
      });
      expect(result).toMatchObject({ ok: true, settings: { database: { user: "latchkey", database: "latchkey" } } });
      expect(made["database-url"]).toContain(`:${made["database-password"]!.trim()}@postgres/`);
      run();
      expect(contents()).toEqual(made);
    });
  });
});

describe("deploy/kubernetes", () => {
  const folder = "deploy/kubernetes";
  interface Manifest {
    readonly kind: string;
    readonly metadata: {
      readonly name: string;
      readonly namespace?: string;
      readonly labels?: Readonly<Record<string, string>>;
    };
    // biome-ignore lint/suspicious/noExplicitAny: the schemas of Kubernetes are checked by the interop suite.
    readonly spec: any;
  }
  const files = readdirSync(join(repository, folder)).filter((name) => name !== "kustomization.yaml");
  const manifests = files
    .flatMap((name) => parseAllDocuments(read(join(folder, name)), { merge: true }))
    .map((one) => one.toJS() as Manifest);
  const find = (kind: string, name = "latchkey"): Manifest =>
    manifests.find((one) => one.kind === kind && one.metadata.name === name)!;
  const pod = find("Deployment").spec.template.spec;
  const [container] = pod.containers;
  const env = Object.fromEntries((container.env as { name: string; value: string }[]).map(({ name, value }) => [name, value]));
  const settings = () => settingsOf(env, container.volumeMounts[0].mountPath);

  it("gives Latchkey settings that it accepts: production mode, with each secret in a file", () => {
    expect(settings()).toMatchObject({ mode: "production", database: { kind: "postgres" }, metricsToken: expect.anything() });
    const shown = Object.values(table).filter(({ secret }) => secret === true);
    expect(shown.filter(({ name }) => env[name] !== undefined)).toEqual([]);
  });

  it("keeps variables of services away, which Latchkey would refuse", () => {
    expect(pod.enableServiceLinks).toBe(false);
    expect(() => settingsOf({ ...env, LATCHKEY_SERVICE_HOST: "10.0.0.1" }, container.volumeMounts[0].mountPath)).toThrow(
      /no setting|LATCHKEY_SERVICE_HOST/,
    );
  });

  it("names the ports that Latchkey listens on, and leads services, probes and policy to them", () => {
    const { grpcListen, httpListen, metricsListen } = settings();
    const named = Object.fromEntries(
      container.ports.map(({ name, containerPort }: { name: string; containerPort: number }) => [name, containerPort]),
    );
    expect(named).toEqual({ grpc: grpcListen.port, http: httpListen.port, metrics: metricsListen.port });
    expect([grpcListen, httpListen, metricsListen].map(({ host }) => host)).toEqual(["0.0.0.0", "0.0.0.0", "0.0.0.0"]);
    const targets = [find("Service"), find("Service", "latchkey-metrics")].flatMap(({ spec }) => spec.ports);
    expect(targets.map(({ port, targetPort }) => [targetPort, port])).toEqual(Object.entries(ports));
    const ingress = find("NetworkPolicy").spec.ingress.flatMap((rule: { ports: { port: string }[] }) => rule.ports);
    expect(ingress.map(({ port }: { port: string }) => port)).toEqual(Object.keys(ports));
  });

  it("probes /healthz for life and /readyz for traffic, and drains for two probes at least", () => {
    const { startupProbe, livenessProbe, readinessProbe } = container;
    expect([startupProbe, livenessProbe, readinessProbe].map(({ httpGet }) => httpGet)).toEqual([
      { path: "/healthz", port: "http" },
      { path: "/healthz", port: "http" },
      { path: "/readyz", port: "http" },
    ]);
    const { drainDelayMs } = settings();
    expect(drainDelayMs).toBeGreaterThanOrEqual(2 * readinessProbe.periodSeconds * 1000);
    expect(pod.terminationGracePeriodSeconds * 1000).toBeGreaterThan(drainDelayMs + 20_000);
  });

  it("runs without privileges, on a file system that it can't write to", () => {
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 1000 });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
  });

  it("selects the pods everywhere by the label that they have", () => {
    const labels = find("Deployment").spec.template.metadata.labels;
    const selectors = [
      find("Deployment").spec.selector.matchLabels,
      find("Service").spec.selector,
      find("Service", "latchkey-metrics").spec.selector,
      find("PodDisruptionBudget").spec.selector.matchLabels,
      find("NetworkPolicy").spec.podSelector.matchLabels,
    ];
    expect(selectors).toEqual(selectors.map(() => labels));
  });

  it("has Prometheus scrape the metrics with their token, as the job that the alerts look at", () => {
    const { metadata, spec } = find("Service", "latchkey-metrics");
    const { jobLabel, selector, endpoints } = find("ServiceMonitor").spec;
    expect(metadata.labels).toMatchObject(selector.matchLabels);
    expect(find("Service").metadata.labels ?? {}).not.toMatchObject(selector.matchLabels);
    expect(metadata.labels![jobLabel]).toBe("latchkey");
    expect(endpoints).toHaveLength(1);
    expect(endpoints[0]).toMatchObject({ port: spec.ports[0].name, path: "/metrics" });
    const { name, key } = endpoints[0].authorization.credentials;
    expect(name).toBe(pod.volumes[0].secret.secretName);
    expect(env.LATCHKEY_METRICS_TOKEN_FILE).toBe(`${container.volumeMounts[0].mountPath}/${key}`);
  });

  it("is one namespace, and kustomize knows every file, the ones that need more as comments", () => {
    const inNamespace = manifests.filter(({ kind }) => kind !== "Namespace");
    expect(new Set(inNamespace.map(({ metadata }) => metadata.namespace))).toEqual(new Set(["latchkey"]));
    const text = read(join(folder, "kustomization.yaml"));
    const listed = [...text.matchAll(/^ {2}(?:# )?- ([\w-]+\.yaml)$/gm)].map(([, name]) => name!);
    expect(listed.toSorted()).toEqual(files.toSorted());
    const kustomization = parse(text) as { resources: string[]; images: { name: string; newTag: string }[] };
    expect(files.filter((name) => !kustomization.resources.includes(name))).toEqual(["gateway.yaml", "service-monitor.yaml"]);
    expect(`${kustomization.images[0]!.name}:${kustomization.images[0]!.newTag}`).toBe(container.image);
    expect(kustomization.images[0]!.newTag).toBe((JSON.parse(read("package.json")) as { version: string }).version);
  });
});

const variable = /\bLATCHKEY_[A-Z_]*[A-Z]\b/g;
const settingNames = Object.values(table).flatMap(({ name }) => [name, `${name}_FILE`]);

describe.each(["nginx.conf", "Caddyfile", "envoy.yaml"])("deploy/proxies/%s", (name) => {
  const path = `deploy/proxies/${name}`;
  const text = read(path);

  it("leads to the two doors, and neither to the metrics nor to the developer inbox", () => {
    const upstreams = [...text.matchAll(/127\.0\.0\.1(?::|, port_value: )(\d+)/g)].map(([, port]) => Number(port));
    expect(upstreams.toSorted()).toEqual([ports.grpc, ports.http].toSorted());
  });
});

it.each([
  "docs/containers.md",
  "docs/proxies.md",
  ...["compose.yaml", "kubernetes/deployment.yaml"].map((name) => `deploy/${name}`),
])("%s names only settings that exist", (path) => {
  expect(existsSync(join(repository, path))).toBe(true);
  const named = [...read(path).matchAll(variable)].map(([found]) => found);
  expect(named).not.toEqual([]);
  expect(named.filter((found) => !settingNames.includes(found))).toEqual([]);
});

describe("deploy/proxies/envoy.yaml, which no test runs,", () => {
  // biome-ignore lint/suspicious/noExplicitAny: a configuration of Envoy.
  const { static_resources: resources, admin } = parse(read("deploy/proxies/envoy.yaml")) as any;
  const manager = resources.listeners[0].filter_chains[0].filters[0].typed_config;

  it("routes to clusters that it has: gRPC over HTTP/2 to the one port, everything else to the other", () => {
    const routes = manager.route_config.virtual_hosts[0].routes;
    expect(routes.map((one: { match: object; route: { cluster: string } }) => [one.match, one.route.cluster])).toEqual([
      [{ prefix: "/", grpc: {} }, "latchkey_grpc"],
      [{ prefix: "/" }, "latchkey_http"],
    ]);
    const [grpc, http] = resources.clusters;
    for (const cluster of [grpc, http]) expect(cluster.load_assignment.cluster_name).toBe(cluster.name);
    expect([grpc.name, http.name]).toEqual(["latchkey_grpc", "latchkey_http"]);
    const protocolOf = (cluster: typeof grpc) =>
      Object.values(cluster.typed_extension_protocol_options as object)[0].explicit_http_config;
    expect([protocolOf(grpc), protocolOf(http)]).toEqual([{ http2_protocol_options: {} }, { http_protocol_options: {} }]);
  });

  it("uses the caller's own address, ends its filters with the router, and opens no administration", () => {
    expect(manager).toMatchObject({ use_remote_address: true, xff_num_trusted_hops: 0 });
    expect(manager.http_filters.at(-1).name).toBe("envoy.filters.http.router");
    expect(admin).toBeUndefined();
  });
});
