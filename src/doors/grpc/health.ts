import type { ServiceDefinition, UntypedServiceImplementation } from "@grpc/grpc-js";
import { HealthImplementation } from "grpc-health-check";

export interface Health {
  readonly definition: ServiceDefinition;
  readonly implementation: UntypedServiceImplementation;
  setServing(serving: boolean): void;
}

type Watch = (call: {
  readonly request: { readonly service: string };
  write(answer: { readonly status: string }): void;
}) => void;

/** The health of the whole server, with the name "", and of the services with the given names. It starts as not serving. */
export function createHealth(services: readonly string[]): Health {
  const names: ReadonlySet<string> = new Set(["", ...services]);
  const health = new HealthImplementation(Object.fromEntries([...names].map((name) => [name, "NOT_SERVING"])));
  let served: Pick<Health, "definition" | "implementation"> | undefined;
  health.addToServer({
    addService(definition, implementation) {
      const watchKnown = implementation.watch as Watch;
      // The library never forgets a watched name. No service is added later, so an unknown name needs only one answer.
      const watch: Watch = (call) =>
        names.has(call.request.service) ? watchKnown(call) : call.write({ status: "SERVICE_UNKNOWN" });
      served = { definition, implementation: { ...implementation, watch } };
    },
  });
  return {
    ...served!,
    setServing(serving) {
      for (const name of names) health.setStatus(name, serving ? "SERVING" : "NOT_SERVING");
    },
  };
}
