import { type Client, ConnectError } from "@connectrpc/connect";
import { Metadata } from "@grpc/grpc-js";
import { errorDetails as connectErrorDetails } from "../../src/client/connect-error-details.js";
import { type GrpcClient, errorDetails as grpcErrorDetails } from "../../src/client/grpc.js";
import { AuthService } from "../../src/gen/latchkey/v1/auth_service_pb.js";
import { UserService } from "../../src/gen/latchkey/v1/user_service_pb.js";
import type { Answer } from "./history.js";
import type { Door } from "./plan.js";

/** The methods of a server as one worker calls them once: door, headers and the moment of giving up are settled. */
export type Methods = Omit<GrpcClient, "close"> & Client<typeof UserService>;

/** A server by both of its doors. */
export interface Callable {
  readonly grpc: GrpcClient;
  readonly web: Client<typeof AuthService>;
  /** Undefined where no administrator calls. */
  readonly users?: UserCalls;
}

/** How an administrator of all apps calls. */
export interface UserCalls {
  readonly grpc: Client<typeof UserService>;
  readonly web: Client<typeof UserService>;
  token(): Promise<string>;
}

/** Longer than the service itself takes to give up. */
const timeoutMs = 12_000;

export function methodsOf(
  server: Callable,
  how: { readonly door: Door; readonly headers: Readonly<Record<string, string>>; readonly signal: AbortSignal },
): Methods {
  const { door, headers, signal } = how;
  const auth = AuthService.methods.map(({ localName }) => [
    localName,
    (request: never): Promise<unknown> =>
      door === "grpc"
        ? callsOf(server.grpc)[localName]!(request, { metadata: metadataOf(headers), signal, timeoutMs })
        : callsOf(server.web)[localName]!(request, { headers, signal, timeoutMs }),
  ]);
  const users = UserService.methods.map(({ localName }) => [
    localName,
    (request: never): Promise<unknown> =>
      server.users![door][localName as keyof Client<typeof UserService>](request, { headers, signal, timeoutMs }),
  ]);
  return Object.fromEntries([...auth, ...users]) as Methods;
}

/** The methods by their names. The union of their types is too large for the compiler. */
function callsOf(client: unknown) {
  return client as Readonly<Record<string, (request: never, options: object) => Promise<unknown>>>;
}

function metadataOf(headers: Readonly<Record<string, string>>): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  return metadata;
}

/** Refusals after which the call may have taken effect all the same. */
const unsure = ["UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELED", "INTERNAL"];

/** What a failed call tells its caller. Without a reason the network answered, not the service. Throws what no call fails with. */
export function answerOf(error: unknown): Extract<Answer, { kind: "refused" | "unknown" }> {
  const failed = error instanceof ConnectError || (error instanceof Error && "metadata" in error);
  if (!failed) throw error;
  const reason = grpcErrorDetails(error).reason ?? connectErrorDetails(error).reason;
  if (reason === null) return { kind: "unknown" };
  if (unsure.includes(reason)) return { kind: "unknown", reason };
  return { kind: "refused", reason };
}
