import { isLoopback, type Listen } from "../lib/listen.js";
import { fixedPolicy, guessChance, guessChanceMax, guessesPerDay } from "../model/policy.js";
import { shareKey } from "./key-list.js";
import type { Mode, Problem } from "./setting.js";
import { solidxTable } from "./solidx-table.js";
import type { Values } from "./table.js";
import type { Tls } from "./tls.js";

/** Checks rules between settings. Skips undefined values: they are optional, or have been reported already. */
export function checkRules(values: Values, mode: Mode): Problem[] {
  const problems: Problem[] = [];
  const refuse = (name: string, text: string): void => void problems.push({ name, text: `${name} ${text}.` });
  if (mode === "production") {
    if (values.inboxListen !== undefined) {
      refuse("LATCHKEY_INBOX_LISTEN", "must not be set in production, because the inbox shows every code: remove it");
    }
  }
  checkGuessing(values, refuse);
  checkWorkers(values, mode, refuse);
  if (values.databaseReadHosts !== undefined && values.database?.kind === "sqlite") {
    refuse(
      "LATCHKEY_DATABASE_READ_HOSTS",
      "is used only with PostgreSQL: remove it, or set LATCHKEY_DATABASE_URL to such a database",
    );
  }
  checkListeners(values, refuse);
  checkTls(values, mode, refuse);
  checkSolidx(values, refuse);
  if (values.pepper !== undefined && values.masterKey !== undefined && shareKey(values.pepper, values.masterKey)) {
    refuse("LATCHKEY_MASTER_KEY", "must not share a key with LATCHKEY_PEPPER: make another with `openssl rand -base64 32`");
  }
  if (values.refreshIdle !== undefined && values.refreshAbsolute !== undefined && values.refreshAbsolute < values.refreshIdle) {
    refuse("LATCHKEY_REFRESH_ABSOLUTE", "must be at least LATCHKEY_REFRESH_IDLE: raise it, or lower LATCHKEY_REFRESH_IDLE");
  }
  return problems;
}

type Refuse = (name: string, text: string) => void;

/** A code must stay hard to guess, even if every guess of a day that the budgets allow is used. */
function checkGuessing({ codeLength }: Values, refuse: Refuse): void {
  if (codeLength === undefined) return;
  const policy = { ...fixedPolicy, codeLength };
  const chance = guessChance(policy);
  if (chance <= guessChanceMax) return;
  const [is, most] = [chance, guessChanceMax].map((one) => one.toExponential(0));
  refuse(
    "LATCHKEY_CODE_LENGTH",
    `must be longer than ${codeLength}: ${guessesPerDay(policy)} guesses a day at one identifier would succeed with a probability of ${is}, and at most ${most} is allowed`,
  );
}

function checkWorkers({ workers, database }: Values, mode: Mode, refuse: Refuse): void {
  if (workers === undefined || workers === 1) return;
  if (mode === "development")
    refuse("LATCHKEY_WORKERS", "must be 1 in development, because the inbox shows the messages of one process: remove it");
  else if (database?.kind === "sqlite") {
    refuse("LATCHKEY_WORKERS", "must be 1 with SQLite: remove it, or set LATCHKEY_DATABASE_URL to a PostgreSQL database");
  }
}

function checkListeners(values: Values, refuse: Refuse): void {
  const listeners: [string, Listen | undefined][] = [
    ["LATCHKEY_GRPC_LISTEN", values.grpcListen],
    ["LATCHKEY_HTTP_LISTEN", values.httpListen],
    ["LATCHKEY_INBOX_LISTEN", values.inboxListen],
    ["LATCHKEY_METRICS_LISTEN", values.metricsListen],
  ];
  listeners.forEach(([name, listen], i) => {
    const taken = listeners
      .slice(0, i)
      .find(([, other]) => other !== undefined && listen !== undefined && collide(other, listen));
    if (taken !== undefined) refuse(name, `must not have the port of ${taken[0]}: change one of them`);
  });
}

function collide(a: Listen, b: Listen): boolean {
  const wide = [a.host, b.host].some((host) => host === "0.0.0.0" || host === "::");
  return a.port !== 0 && a.port === b.port && (wide || a.host === b.host);
}

function checkTls(values: Values, mode: Mode, refuse: Refuse): void {
  const { tls, grpcListen, httpListen } = values;
  const files = [
    ["LATCHKEY_TLS_CERT", values.tlsCert],
    ["LATCHKEY_TLS_KEY", values.tlsKey],
    ["LATCHKEY_TLS_CLIENT_CA", values.tlsClientCa],
  ] as const;
  for (const [name, path] of files) {
    if (tls === "files" && path === undefined && name !== "LATCHKEY_TLS_CLIENT_CA") {
      refuse(name, "is not set: LATCHKEY_TLS=files needs it; set it to the path of a PEM file");
    }
    if (tls !== undefined && tls !== "files" && path !== undefined) {
      refuse(name, `is used only with LATCHKEY_TLS=files: set that, or remove ${name}`);
    }
  }
  const open = [grpcListen, httpListen].some((listen) => listen !== undefined && !isLoopback(listen.host));
  if (mode === "production" && tls === "off" && open) {
    refuse(
      "LATCHKEY_TLS",
      "must not be off in production while a listener is open to the network: set it to files, or to terminated behind a proxy that does TLS, or listen on 127.0.0.1",
    );
  }
}

/** SolidX's variables say nothing about their app. */
function checkSolidx(values: Values, refuse: Refuse): void {
  if (values.solidxApp !== undefined) return;
  const { solidxApp, ...variables } = solidxTable;
  for (const key of Object.keys(variables) as (keyof typeof variables)[]) {
    if (values[key] === undefined) continue;
    refuse(solidxTable[key].name, `applies to one app: name it in ${solidxApp.name}, or remove the variable`);
  }
}

/** Combines the TLS settings. Null if one of them is refused or missing. */
export function toTls(values: Values): Tls | null {
  if (values.tls === undefined) return null;
  if (values.tls !== "files") return { kind: values.tls };
  if (values.tlsCert === undefined || values.tlsKey === undefined) return null;
  return { kind: "files", certFile: values.tlsCert, keyFile: values.tlsKey, clientCaFile: values.tlsClientCa ?? null };
}
