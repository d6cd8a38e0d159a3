import { onTestFinished } from "vitest";
import { createFakeApp, type DoorSettings, openDoors } from "../support/rpc.js";
import { callers } from "./callers.js";

/** Doors of a test's own, which may be drained, with a caller over one transport: a name of `callers`. */
export async function ownDoors(transport: string, settings: DoorSettings = {}) {
  const app = createFakeApp();
  const doors = await openDoors(app, settings);
  onTestFinished(async () => await doors.stop());
  const caller = callers[transport]!(doors);
  onTestFinished(() => caller.close());
  return { app, doors, caller };
}
