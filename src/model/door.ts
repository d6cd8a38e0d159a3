/** A network front of the service, as its metrics name it. */
export type Door = "grpc" | "web";

/** Why a door refused or closed a connection: the door was full, its network had too many, or it was idle and had to make room. */
export const whysDropped = ["door_full", "network_full", "idle"] as const;
export type Dropped = (typeof whysDropped)[number];

/** An answered call, as it is measured. */
export interface EndedCall {
  /** As in `latchkey.v1.AuthService/SendOtp`. */
  readonly method: string;
  readonly door: Door;
  /** gRPC's name of the status code, such as `OK` and `RESOURCE_EXHAUSTED`. */
  readonly code: string;
  readonly tookMs: number;
}
