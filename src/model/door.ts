import type { Dialect } from "./dialect.js";

/**
 * A network front of the service, as its metrics name it. `http` has the plain HTTP paths of the web door's port, and each dialect is
 * a front of its own there.
 */
export type Door = "grpc" | "web" | "http" | `dialect_${Dialect}`;

/** Returns the dialect of a door. Null if it is none of a dialect. */
export function dialectOf(door: Door): Dialect | null {
  return door.startsWith("dialect_") ? (door.slice("dialect_".length) as Dialect) : null;
}

/** Why a door dropped a connection: the door was full, the network had too many, or an idle connection had to make room. */
export const whysDropped = ["door_full", "network_full", "idle"] as const;
export type Dropped = (typeof whysDropped)[number];

/** The data that is measured for an answered call. */
export interface EndedCall {
  /** For example `latchkey.v1.AuthService/SendOtp`. */
  readonly method: string;
  readonly door: Door;
  /** The gRPC name of the status code, such as `OK` or `RESOURCE_EXHAUSTED`. */
  readonly code: string;
  readonly tookMs: number;
}
