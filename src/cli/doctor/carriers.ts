import { noCountryAdvice } from "../../config/no-country.js";
import type { Settings } from "../../config/settings.js";
import { createCarrier } from "../../server/create-provider.js";
import { type Finding, ok, problem, warning } from "./finding.js";

/** Connects to each carrier and logs in as the service would, all at once, but sends nothing. */
export async function checkCarriers(settings: Settings): Promise<readonly Finding[]> {
  const { carriers, mode } = settings;
  if (carriers.length === 0) return [ok(`no carrier is configured: ${mode} keeps messages in the inbox`)];
  const advice = noCountryAdvice(settings);
  const countries = advice === null ? [] : [warning(advice)];
  return [...countries, ...(await Promise.all(carriers.map((carrier) => checkCarrier(carrier, settings))))];
}

async function checkCarrier(carrier: Settings["carriers"][number], settings: Settings): Promise<Finding> {
  const label = `the carrier ${carrier.name} (${carrier.channel})`;
  const provider = createCarrier(carrier, { issuer: settings.issuer, clock: Date.now });
  try {
    if (provider.check === undefined) {
      return warning(`${label} can only be checked by sending: run \`latchkey send-test --to <your own address or number>\``);
    }
    const trouble = await provider.check();
    return trouble === null ? ok(`${label} can be used`) : problem(`${label} cannot be used: ${trouble}`);
  } finally {
    await provider.close();
  }
}
