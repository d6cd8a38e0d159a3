import { errorDetails } from "../../src/client/grpc.js";
import type { createServiceClient } from "../../src/client/grpc-service-client.js";
import { ClientKind } from "../../src/gen/latchkey/v1/client_pb.js";
import type { App } from "./history.js";

const otherClient = "other-web";

/** The client of the people who sign in. */
export function publicClientOf(app: App): string {
  return app === "default" ? "default-web" : otherClient;
}

/** Makes the app `other` in the pool of the app `default`, with a public client, unless an earlier server of the database did. */
export async function makeSecondApp({ app }: Pick<ReturnType<typeof createServiceClient>, "app">): Promise<void> {
  const other: App = "other";
  await unlessItExists(app.createApp({ appId: other, displayName: "Other" }));
  await unlessItExists(app.createClient({ appId: other, clientId: otherClient, kind: ClientKind.PUBLIC }));
}

async function unlessItExists(making: Promise<unknown>): Promise<void> {
  try {
    await making;
  } catch (error) {
    if (errorDetails(error).reason !== "ALREADY_EXISTS") throw error;
  }
}
