import type { Settings } from "../../config/settings.js";
import type { Hook } from "../../model/app.js";
import { createOutbound } from "../../outbound/outbound.js";
import type { Store } from "../../store/port/store.js";
import { type Finding, ok, problem } from "./finding.js";

const pageSize = 100;

/** Says for each hook of an app whether Latchkey may call its address now. Resolves names, and calls nothing. */
export async function checkHooks(store: Pick<Store, "apps">, { outboundAllowed }: Settings): Promise<readonly Finding[]> {
  const outbound = createOutbound({ allowed: outboundAllowed });
  const findings: Finding[] = [];
  for await (const { appId, kind, hook } of hooksOf(store)) {
    const trouble = await outbound.problemOf(hook.url);
    const name = `the URL of the ${kind} of the app ${appId}`;
    // The path and the query may hold a secret.
    findings.push(trouble === null ? ok(`${name} may be called: ${new URL(hook.url).origin}`) : problem(`${name} ${trouble}`));
  }
  return findings;
}

async function* hooksOf({ apps }: Pick<Store, "apps">): AsyncGenerator<{ appId: string; kind: string; hook: Hook }> {
  for (let after = "", more = true; more; ) {
    const page = await apps.listApps({ after, limit: pageSize });
    for (const { appId, registrationHook, deliveryReportHook } of page) {
      if (registrationHook !== null) yield { appId, kind: "registration hook", hook: registrationHook };
      if (deliveryReportHook !== null) yield { appId, kind: "hook for delivery reports", hook: deliveryReportHook };
    }
    after = page.at(-1)?.appId ?? "";
    more = page.length === pageSize;
  }
}
