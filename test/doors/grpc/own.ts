import { onTestFinished } from "vitest";
import type { DoorSettings } from "../../support/rpc.js";
import { ownDoors as doorsOf } from "../own.js";
import { openSession } from "../raw.js";

/** An HTTP/2 session that ends with the test. */
export function ownSession(address: string) {
  const opened = openSession(address);
  onTestFinished(() => opened.destroy());
  return opened;
}

/** As `doors/own.ts`, with a gRPC caller. */
export const ownDoors = (settings?: DoorSettings) => doorsOf("gRPC (grpc-js)", settings);
