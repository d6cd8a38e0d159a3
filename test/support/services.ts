import type { DescService } from "@bufbuild/protobuf";

/** The services that a module of generated code exports, in the order of their names. */
export function servicesIn(module: Readonly<Record<string, unknown>>): readonly DescService[] {
  const services = Object.values(module).filter(
    (value): value is DescService => typeof value === "object" && value !== null && "kind" in value && value.kind === "service",
  );
  return services.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
