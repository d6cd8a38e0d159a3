import type { AppsDeps } from "../../apps/deps.js";
import { AuthError } from "../../auth/errors.js";
import type { Settings } from "../../config/settings.js";
import type { FieldViolation } from "../../model/violation.js";
import { deploymentOf } from "../../server/deployment.js";
import { createLog } from "../../telemetry/log.js";
import { CliError, type Io } from "../io.js";
import { withStore } from "../with-store.js";

/**
 * Runs use cases of apps on the existing database. They log to `io.err`. Running servers notice a change within a second.
 * Throws `CliError` for a refusal.
 */
export async function withApps<T>(settings: Settings, io: Io, work: (deps: AppsDeps) => Promise<T>): Promise<T> {
  return await withStore(settings, async (store) => {
    const log = createLog(settings.logLevel, {
      pretty: settings.mode === "development",
      write: (line) => io.err(line.trimEnd()),
    });
    const directory = { refresh: async () => {} };
    try {
      return await work({ clock: Date.now, store, directory, deployment: deploymentOf(settings), log });
    } catch (error) {
      throw error instanceof AuthError ? new CliError(sentences(error)) : error;
    }
  });
}

/** One sentence a line. */
function sentences({ reason, violations, metadata, detail }: AuthError): string {
  switch (reason) {
    case "REQUEST_INVALID":
      return violations.map(sentenceOf).join("\n");
    case "APP_NOT_FOUND":
      return "There is no app with this id: see `latchkey app list`.";
    case "CLIENT_NOT_FOUND":
      return "There is no client with this id: see `latchkey client list`.";
    case "ALREADY_EXISTS":
      return `The id ${metadata.id} is taken: choose another one.`;
    case "TOO_MANY_SECRETS":
      return "The client has two live secrets already: end one with `latchkey client revoke-secret`, or both with --old-secrets-expire-in 0s.";
    case "DEFAULT_APP":
      return "The app default always exists and is active: it can't be deleted or archived.";
    default:
      return `${reason}: ${detail}.`;
  }
}

/** The options that give a field, where they have another name. */
const options: Readonly<Record<string, string>> = {
  app_id: "The app id",
  client_id: "The client id",
  pool_id: "--pool",
  display_name: "--name",
  allowed_origins: "--origins",
  is_default: "--default",
};

/** `redirect_uris[0]` is the first entry of `--redirect-uris`. Values of a policy have their own names. */
function sentenceOf({ field, description }: FieldViolation): string {
  const [, policyField] = /^policy\.(\w+)/.exec(field) ?? [];
  if (policyField !== undefined) return `${policyField} ${description}.`;
  const [, name = field, index] = /^(\w+)(?:\[(\d+)\])?$/.exec(field) ?? [];
  const option = options[name] ?? `--${name.replaceAll("_", "-")}`;
  return `${option}${index === undefined ? "" : `, entry ${Number(index) + 1},`} ${description}.`;
}
