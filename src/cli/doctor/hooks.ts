import type { Settings } from "../../config/settings.js";
import type { RegistrationHook } from "../../model/app.js";
import { createOutbound } from "../../outbound/outbound.js";
import type { Store } from "../../store/port/store.js";
import { type Finding, ok, problem } from "./finding.js";

const pageSize = 100;

/** Says for each app with a registration hook whether Latchkey may call its address now. Resolves names, and calls nothing. */
export async function checkHooks(store: Pick<Store, "apps">, { outboundAllowed }: Settings): Promise<readonly Finding[]> {
  const outbound = createOutbound({ allowed: outboundAllowed });
  const findings: Finding[] = [];
  for await (const { appId, hook } of hooksOf(store)) {
    const trouble = await outbound.problemOf(hook.url);
    const name = `the URL of the registration hook of the app ${appId}`;
    // The path and the query may hold a secret.
    findings.push(trouble === null ? ok(`${name} may be called: ${new URL(hook.url).origin}`) : problem(`${name} ${trouble}`));
  }
  return findings;
}

async function* hooksOf({ apps }: Pick<Store, "apps">): AsyncGenerator<{ appId: string; hook: RegistrationHook }> {
  for (let after = "", more = true; more; ) {
    const page = await apps.listApps({ after, limit: pageSize });
    for (const { appId, registrationHook: hook } of page) if (hook !== null) yield { appId, hook };
    after = page.at(-1)?.appId ?? "";
    more = page.length === pageSize;
  }
}
