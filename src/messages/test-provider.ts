import { type AccountsDeps, appFor } from "../accounts/deps.js";
import type { Actor } from "../apps/actor.js";
import { nameInDeployment } from "../model/carrier.js";
import { type OfProvider, providerNotFound } from "./delete-provider.js";
import { asSentence } from "./list-providers.js";

export interface TestProviderDeps extends AccountsDeps {
  /**
   * Connects to a carrier and logs in, without sending. Returns what is wrong, or null if nothing is. `unknown`: the carrier has no
   * such check. Null: there is no carrier of this name in the deployment.
   */
  readonly testCarrier: (name: string) => Promise<TestedCarrier | null>;
}

export type TestedCarrier = { readonly problem: string | null } | "unknown";

/**
 * Tests a carrier of an app without sending. `problem` is a sentence, or empty. Throws PROVIDER_NOT_FOUND, and what `appFor` throws.
 */
export async function testProvider(
  deps: TestProviderDeps,
  actor: Actor,
  input: OfProvider,
): Promise<{ readonly isTested: boolean; readonly problem: string }> {
  const { appId } = await appFor(deps, actor, input.appId);
  // Another process may have set the carrier just now.
  await deps.directory.refresh();
  const tested = await deps.testCarrier(nameInDeployment(appId, input));
  if (tested === null) throw providerNotFound();
  if (tested === "unknown") return { isTested: false, problem: "" };
  return { isTested: true, problem: tested.problem === null ? "" : asSentence(tested.problem) };
}
