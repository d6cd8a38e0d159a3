import type { deliver } from "../delivery/deliver.js";
import type { Provider } from "../delivery/provider.js";
import type { Outbound, OutboundOutcome } from "../outbound/outbound.js";
import { mapOperations } from "../store/port/operations.js";
import type { Store } from "../store/port/store.js";
import type { Tracer } from "./tracer.js";

/** Returns the same store with a span for each operation. Deliveries continue the trace of the operation that queued them. */
export function traceStore(store: Store, tracer: Tracer, system: string): Store {
  if (!tracer.on) return store;
  const { issue, resend } = store.challenges;
  const remembering: Store = {
    ...store,
    challenges: {
      ...store.challenges,
      issue(change) {
        for (const { challenge } of change.challenges) tracer.remember(challenge.challengeId);
        return issue(change);
      },
      resend(change) {
        tracer.remember(change.challengeId);
        return resend(change);
      },
    },
  };
  return mapOperations(remembering, (operation, run) => {
    const attributes = { "db.system.name": system, "db.operation.name": operation };
    return tracer.traced({ name: `store.${operation}`, remote: true, attributes }, run);
  });
}

/** Returns the same provider with a span for each send. */
export function traceProvider(provider: Provider, tracer: Tracer): Provider {
  if (!tracer.on) return provider;
  const label = provider.label ?? provider.name;
  return {
    ...provider,
    send: tracer.traced(
      {
        name: `provider.${label}`,
        remote: true,
        attributes: { provider: label },
        failureOf: ({ kind }) => (kind === "sent" ? undefined : kind),
      },
      (message) => provider.send(message),
    ),
  };
}

/** Returns the same call of hooks with a span. It has neither the URL nor anything of the request or the answer. */
export function traceHookCalls(
  send: Outbound["send"],
  { name, tracer }: { readonly name: string; readonly tracer: Tracer },
): Outbound["send"] {
  const attributes = { "http.request.method": "POST" };
  const failureOf = (outcome: OutboundOutcome): string | undefined => {
    if (outcome.kind === "failed") return outcome.why;
    return outcome.status >= 200 && outcome.status < 300 ? undefined : String(outcome.status);
  };
  return tracer.traced({ name: `POST ${name}`, remote: true, attributes, failureOf }, send);
}

/** Returns `deliver` with a span that continues the trace of the call that queued the message. */
export function traceDelivery(run: typeof deliver, tracer: Tracer): typeof deliver {
  return tracer.traced({ name: "outbox.deliver", resumes: (_deps, { delivery }) => delivery.challengeId }, run);
}
