import { type AccountsDeps, appFor } from "../accounts/deps.js";
import type { Actor } from "../apps/actor.js";
import { announce } from "../apps/announce.js";
import { appNotFound } from "../apps/refusals.js";
import { AuthError } from "../auth/errors.js";

/** How use cases name a carrier of an app. */
export interface OfProvider {
  /** Empty: the app of the actor. */
  readonly appId: string;
  readonly name: string;
}

/** Removes a carrier of an app with its credentials. Throws PROVIDER_NOT_FOUND, and what `appFor` throws. */
export async function deleteProvider(deps: AccountsDeps, actor: Actor, input: OfProvider): Promise<void> {
  const { appId } = await appFor(deps, actor, input.appId);
  const { name } = input;
  const app = await deps.store.apps.changeApp({
    appId,
    apply(was) {
      const carriers = was.carriers.filter((carrier) => carrier.name !== name);
      if (carriers.length === was.carriers.length) throw providerNotFound();
      return { ...was, carriers };
    },
  });
  if (app === null) throw appNotFound(appId);
  await announce(deps, actor, { message: "removed a carrier", app: appId, provider: name });
}

export function providerNotFound(): AuthError {
  return new AuthError("PROVIDER_NOT_FOUND");
}
