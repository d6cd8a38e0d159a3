import { onTestFinished } from "vitest";
import { createFakeApp, type DoorSettings, openDoors } from "../../support/rpc.js";
import { callers } from "../callers.js";
import { openSession } from "../raw.js";

/** An HTTP/2 session that ends with the test. */
export function ownSession(address: string) {
  const opened = openSession(address);
  onTestFinished(() => opened.destroy());
  return opened;
}

/** Doors of a test's own, which may be drained, with a gRPC caller. */
export async function ownDoors(settings: DoorSettings = {}) {
  const app = createFakeApp();
  const doors = await openDoors(app, settings);
  onTestFinished(async () => await doors.stop());
  const caller = callers["gRPC (grpc-js)"]!(doors);
  onTestFinished(() => caller.close());
  return { app, doors, caller };
}
