import type { AppsDeps } from "../../apps/deps.js";
import { AuthError } from "../../auth/errors.js";
import type { Settings } from "../../config/settings.js";
import { createHookSecrets, type HookSecrets } from "../../crypto/hook-secrets.js";
import { checkKeys } from "../../crypto/key-checks.js";
import { createOutbound } from "../../outbound/outbound.js";
import { deploymentOf } from "../../server/deployment.js";
import { commandLog } from "../command-log.js";
import { CliError, type Io } from "../io.js";
import { type KeyStore, withKeyStore } from "../key-store.js";
import { sentenceOf } from "../violation-sentence.js";

/**
 * Runs use cases of apps on the existing database. They log to `io.err`. Running servers notice a change within a second.
 * Throws `CliError` for a refusal.
 */
export async function withApps<T>(settings: Settings, io: Io, work: (deps: AppsDeps) => Promise<T>): Promise<T> {
  return await withKeyStore(settings, async (keys) => {
    const log = commandLog(settings, io);
    const directory = { refresh: async () => {} };
    try {
      return await work({
        clock: Date.now,
        store: keys.store,
        directory,
        deployment: deploymentOf(settings),
        hookSecrets: hookSecretsOf(keys),
        outbound: createOutbound({ allowed: settings.outboundAllowed }),
        log,
      });
    } catch (error) {
      throw error instanceof AuthError ? new CliError(sentences(error)) : error;
    }
  });
}

/** Checks the keys first, so that no secret is sealed with a wrong one. */
function hookSecretsOf({ store, rings, sealer }: KeyStore): HookSecrets {
  const secrets = createHookSecrets({ store, sealer });
  return {
    ...secrets,
    async make(now) {
      await checkKeys(store, rings);
      return await secrets.make(now);
    },
  };
}

/** One sentence a line. */
function sentences({ reason, violations, metadata, detail }: AuthError): string {
  switch (reason) {
    case "REQUEST_INVALID":
      return violations.map((violation) => sentenceOf(violation, options)).join("\n");
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
  wording: "This",
  text: "This",
  "text.text": "The text",
  "text.subject": "--subject",
  "text.locale": "--locale",
  "autofill.web_host": "--web-host",
  "autofill.android_hash": "--android-hash",
  ends_at: "--for",
  pattern: "The pattern",
};
