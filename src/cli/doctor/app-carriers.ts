import type { Settings } from "../../config/settings.js";
import { createCarrierSecrets } from "../../crypto/carrier-secrets.js";
import { createSealer } from "../../crypto/sealing.js";
import type { AppRecord } from "../../model/app.js";
import { type AppCarrier, nameInDeployment } from "../../model/carrier.js";
import { testAppCarrier } from "../../server/app-carriers.js";
import { keyringsOf } from "../../server/core.js";
import { type OpenDeps, openAppCarrier, unopened } from "../../server/open-app-carrier.js";
import type { Store } from "../../store/port/store.js";
import { explain } from "../explain.js";
import { type Finding, ok, problem, warning } from "./finding.js";

/** Bounds of the checks. With them they end within a minute: 100 carriers, 16 at a time, take at most 7 rounds of 8 s. */
export interface AppCarrierLimits {
  readonly checkedMax: number;
  readonly atOnce: number;
  readonly eachMs: number;
}

const usualLimits: AppCarrierLimits = { checkedMax: 100, atOnce: 16, eachMs: 8_000 };
const pageSize = 100;

/** Connects to the carriers that apps have of their own and logs in, as the service would, but sends nothing. */
export async function checkAppCarriers(
  store: Pick<Store, "apps" | "keys">,
  settings: Settings,
  { checkedMax, atOnce, eachMs }: AppCarrierLimits = usualLimits,
): Promise<readonly Finding[]> {
  const secrets = createCarrierSecrets({ store, sealer: createSealer(keyringsOf(settings).master) });
  const deps: OpenDeps = { secrets, settings, clock: Date.now };
  const { carriers, left } = await carriersOf(store, checkedMax);
  const findings: Finding[] = [];
  for (let start = 0; start < carriers.length; start += atOnce) {
    const some = carriers.slice(start, start + atOnce);
    findings.push(...(await Promise.all(some.map((one) => checkCarrier(deps, one, eachMs)))));
  }
  if (left === 0) return findings;
  const unchecked = `${left} more ${left === 1 ? "carrier" : "carriers"} of apps`;
  return [...findings, warning(`${unchecked} not checked: \`latchkey provider test <name> --app <app>\` checks one`)];
}

interface OfApp {
  readonly app: AppRecord;
  readonly carrier: AppCarrier;
}

/** Returns the first carriers by app, and how many more there are. */
async function carriersOf({ apps }: Pick<Store, "apps">, max: number) {
  const carriers: OfApp[] = [];
  let left = 0;
  for (let after = "", more = true; more; ) {
    const page = await apps.listApps({ after, limit: pageSize });
    for (const carrier of page.flatMap((app) => app.carriers.map((one) => ({ app, carrier: one })))) {
      if (carriers.length < max) carriers.push(carrier);
      else left += 1;
    }
    after = page.at(-1)?.appId ?? "";
    more = page.length === pageSize;
  }
  return { carriers, left };
}

async function checkCarrier(deps: OpenDeps, { app, carrier }: OfApp, limitMs: number): Promise<Finding> {
  const name = nameInDeployment(app.appId, carrier);
  const label = `the carrier ${name} of the app ${app.appId} (${carrier.channel})`;
  try {
    const provider = (await openAppCarrier(deps, app, carrier)) ?? unopened(app, carrier);
    const tested = await testAppCarrier({ find: async () => provider }, name, limitMs).finally(() =>
      provider.close().catch(() => {}),
    );
    if (tested === null || tested === "unknown") {
      const command = `latchkey send-test --app ${app.appId} --to <your own address or number>`;
      return warning(`${label} can only be checked by sending: run \`${command}\``);
    }
    return tested.problem === null ? ok(`${label} can be used`) : problem(`${label} cannot be used: ${tested.problem}`);
  } catch (error) {
    return problem(`${label} cannot be checked: ${explain(error)}`);
  }
}
