import { readFileSync } from "node:fs";
import { join } from "node:path";
import { credentials } from "@grpc/grpc-js";
import { createServiceClient } from "../../src/client/grpc-service-client.js";
import type { ServiceClient } from "../../src/client/service-client.js";

const clientId = "default-admin";

/** All services as the administrator of a development server calls them. Servers keep its secret in their folder. */
export function administratorOf(server: { readonly folder: string; readonly grpcAddress: string }): ServiceClient {
  const file = readFileSync(join(server.folder, ".latchkey", "clients.json"), "utf8");
  const { client_secret: clientSecret } = (JSON.parse(file) as Record<string, { readonly client_secret: string }>)[clientId]!;
  return createServiceClient({
    target: server.grpcAddress,
    credentials: credentials.createInsecure(),
    channel: { "grpc.use_local_subchannel_pool": 1 },
    clientId,
    clientSecret,
  });
}
