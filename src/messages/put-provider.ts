import { type AccountsDeps, appFor } from "../accounts/deps.js";
import type { Actor } from "../apps/actor.js";
import { announce } from "../apps/announce.js";
import { appNotFound } from "../apps/refusals.js";
import { invalidField } from "../auth/errors.js";
import type { CarrierSecrets } from "../crypto/carrier-secrets.js";
import { type AppCarrier, type AppCarrierSettings, appCarriersMax } from "../model/carrier.js";
import type { Channel } from "../model/channel.js";

/** Checks the settings of a carrier. `problem` continues after the name of the field. `origin` has no credentials. */
export type CheckCarrier = (given: {
  readonly channel: Channel;
  readonly settings: AppCarrierSettings;
}) => Promise<
  | { readonly isAccepted: true; readonly kind: string; readonly origin: string }
  | { readonly isAccepted: false; readonly problem: string }
>;

export interface PutProviderDeps extends AccountsDeps {
  readonly checkCarrier: CheckCarrier;
  readonly carrierSecrets: Pick<CarrierSecrets, "make">;
}

export interface PutProviderInput {
  /** Empty: the app of the actor. */
  readonly appId: string;
  readonly name: string;
  readonly channel: Channel;
  readonly settings: AppCarrierSettings;
  /** Its place among the app's carriers of the channel, from 1. 0: the place that it has, or the last one. */
  readonly position: number;
}

/**
 * Sets or replaces a carrier of an app, which uses it instead of the deployment's. Of concurrent calls with one name the last one counts.
 * Throws REQUEST_INVALID for settings that Latchkey may not use and for too many carriers, and what `appFor` throws.
 */
export async function putProvider(deps: PutProviderDeps, actor: Actor, input: PutProviderInput): Promise<AppCarrier> {
  const { appId } = await appFor(deps, actor, input.appId);
  const { name, channel, settings, position } = input;
  const checked = await deps.checkCarrier({ channel, settings });
  if (!checked.isAccepted) throw invalidField(settings.gateway === "" ? "url" : "gateway", checked.problem);
  const { kind, origin } = checked;
  const newKey = await deps.carrierSecrets.make(settings, deps.clock());
  const carrier: AppCarrier = { name, channel, kind, keyId: newKey.keyId };
  const app = await deps.store.apps.changeApp({
    appId,
    newKey,
    apply(was) {
      const carriers = placed(was.carriers, carrier, position);
      if (carriers.length > appCarriersMax) {
        throw invalidField(
          "name",
          `must be that of a present carrier, because the app has ${appCarriersMax}: delete one first`,
        );
      }
      return { ...was, carriers };
    },
  });
  if (app === null) throw appNotFound(appId);
  // The rest of the URL holds the credentials.
  await announce(deps, actor, { message: "set a carrier", app: appId, provider: name, channel, kind, origin });
  return carrier;
}

function placed(carriers: readonly AppCarrier[], carrier: AppCarrier, position: number): readonly AppCarrier[] {
  const isSame = ({ name, channel }: AppCarrier): boolean => name === carrier.name && channel === carrier.channel;
  const others = carriers.filter(({ name }) => name !== carrier.name);
  const next = others.filter(({ channel }) => channel === carrier.channel)[position - 1];
  const present = carriers.findIndex(isSame);
  const at = position === 0 ? present : next === undefined ? -1 : others.indexOf(next);
  return at === -1 ? [...others, carrier] : others.toSpliced(at, 0, carrier);
}
