import type { Provider } from "../delivery/channel.js";
import type { deliver } from "../delivery/deliver.js";
import type { Store } from "../store/store.js";
import type { Tracer } from "./tracer.js";

/** The same store, whose operations are spans of the calls they are part of. What queues a message is where its delivery goes on. */
export function traceStore(store: Store, tracer: Tracer, system: string): Store {
  if (!tracer.on) return store;
  const queueing: Partial<Store> = {
    issueChallenges(change) {
      for (const { challenge } of change.challenges) tracer.remember(challenge.challengeId);
      return store.issueChallenges(change);
    },
    resendChallenge(change) {
      tracer.remember(change.challengeId);
      return store.resendChallenge(change);
    },
  };
  const traced: Record<string, unknown> = {};
  for (const operation of Object.keys(store) as (keyof Store)[]) {
    const run = (queueing[operation] ?? store[operation]) as (...input: unknown[]) => Promise<unknown>;
    const attributes = { "db.system.name": system, "db.operation.name": operation };
    traced[operation] = tracer.traced({ name: `store.${operation}`, remote: true, attributes }, run);
  }
  return traced as unknown as Store;
}

/** The same providers, whose sends are spans. */
export function traceProviders(providers: readonly Provider[], tracer: Tracer): readonly Provider[] {
  if (!tracer.on) return providers;
  return providers.map((provider) => ({
    name: provider.name,
    channels: provider.channels,
    send: tracer.traced(
      {
        name: `provider.${provider.name}`,
        remote: true,
        attributes: { provider: provider.name },
        failureOf: ({ kind }) => (kind === "sent" ? undefined : kind),
      },
      (message) => provider.send(message),
    ),
    close: () => provider.close(),
  }));
}

/** A try to deliver, which goes on with the trace of the call that queued its message. */
export function traceDelivery(run: typeof deliver, tracer: Tracer): typeof deliver {
  return tracer.traced({ name: "outbox.deliver", resumes: (_deps, { delivery }) => delivery.challengeId }, run);
}
