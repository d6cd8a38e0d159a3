import type { Agent } from "node:http";
import {
  create,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { ConnectError, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../../src/gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "../../src/gen/google/rpc/status_pb.js";

/** What a caller is told when a call fails, whatever the transport. */
export interface Failure {
  readonly code: number;
  readonly message: string;
  readonly reason: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** Of RetryInfo. */
  readonly retryAfterMs: number | undefined;
  readonly retryAfterHeader: string | undefined;
  readonly fields: readonly string[];
}

export interface CallOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** One way of calling the service. */
export interface RpcCaller {
  call<D extends DescMethodUnary>(
    method: D,
    request: MessageInitShape<D["input"]>,
    options?: CallOptions,
  ): Promise<MessageShape<D["output"]>>;
  close(): void;
}

/** Where the doors are, and what is needed to trust them. */
export interface Target {
  readonly grpcAddress: string;
  readonly webUrl: string;
  readonly tls?: { readonly ca: string; readonly cert?: string; readonly key?: string };
  /** Which connections calls to `webUrl` share. */
  readonly agent?: Agent;
}

export const callers: Readonly<Record<string, (target: Target) => RpcCaller>> = {
  "gRPC (grpc-js)": (target) => grpcCaller(target.grpcAddress, target.tls),
  "gRPC-Web": (target) => connectCaller(createGrpcWebTransport(web(target))),
  "Connect JSON": (target) => connectCaller(createConnectTransport({ ...web(target), useBinaryFormat: false })),
  "Connect binary": (target) => connectCaller(createConnectTransport({ ...web(target), useBinaryFormat: true })),
};

/** What the web door speaks besides, once TLS lets it tell HTTP/2 from HTTP/1.1. */
export const tlsCallers: typeof callers = {
  "gRPC (grpc-js) on the web door": (target) => grpcCaller(new URL(target.webUrl).host, target.tls),
  "gRPC on the web door": (target) => connectCaller(createGrpcTransport({ baseUrl: target.webUrl, nodeOptions: target.tls })),
  "Connect JSON over HTTP/2": (target) =>
    connectCaller(
      createConnectTransport({ baseUrl: target.webUrl, httpVersion: "2", nodeOptions: target.tls, useBinaryFormat: false }),
    ),
};

function web(target: Target) {
  return { baseUrl: target.webUrl, httpVersion: "1.1" as const, nodeOptions: { ...target.tls, agent: target.agent } };
}

function grpcCaller(address: string, tls: Target["tls"]): RpcCaller {
  const pem = (text: string | undefined) => (text === undefined ? null : Buffer.from(text));
  const trust =
    tls === undefined ? credentials.createInsecure() : credentials.createSsl(pem(tls.ca), pem(tls.key), pem(tls.cert));
  const client = new Client(address, trust, { "grpc.use_local_subchannel_pool": 1 });
  return {
    call: (method, request, options = {}) =>
      new Promise((resolve, reject) => {
        const metadata = new Metadata();
        for (const [key, value] of Object.entries(options.headers ?? {})) metadata.set(key, value);
        const call = client.makeUnaryRequest(
          `/${method.parent.typeName}/${method.name}`,
          (message: MessageShape<typeof method.input>) => Buffer.from(toBinary(method.input, message)),
          (bytes: Buffer) => fromBinary(method.output, bytes) as MessageShape<typeof method.output>,
          create(method.input, request) as MessageShape<typeof method.input>,
          metadata,
          options.timeoutMs === undefined ? {} : { deadline: Date.now() + options.timeoutMs },
          (error, message) => (error === null ? resolve(message as never) : reject(error)),
        );
        options.signal?.addEventListener("abort", () => call.cancel());
      }),
    close: () => client.close(),
  };
}

function connectCaller(transport: Transport): RpcCaller {
  return {
    async call(method, request, options = {}) {
      const response = await transport.unary(method, options.signal, options.timeoutMs, options.headers, request as never);
      return response.message as never;
    },
    close: () => {},
  };
}

/** What went wrong with a call; a call that succeeds is the mistake here. */
export async function failureOf(call: Promise<unknown>): Promise<Failure> {
  const error = await call.then(
    () => {
      throw new Error("the call succeeded");
    },
    (reason: unknown) => reason,
  );
  return error instanceof ConnectError ? fromConnect(error) : fromGrpc(error as ServiceError);
}

function fromConnect(error: ConnectError): Failure {
  const [info] = error.findDetails(ErrorInfoSchema);
  const [retry] = error.findDetails(RetryInfoSchema);
  const [bad] = error.findDetails(BadRequestSchema);
  return {
    code: error.code,
    message: error.rawMessage,
    reason: info?.domain === "latchkey" ? info.reason : "",
    metadata: info?.metadata ?? {},
    retryAfterMs: retry && Number(retry.retryDelay?.seconds) * 1000 + (retry.retryDelay?.nanos ?? 0) / 1e6,
    retryAfterHeader: error.metadata.get("retry-after") ?? undefined,
    fields: bad?.fieldViolations.map(({ field }) => field) ?? [],
  };
}

function fromGrpc(error: ServiceError): Failure {
  const connectError = new ConnectError(error.details, error.code as number);
  for (const [key, value] of Object.entries(error.metadata?.getMap() ?? {})) {
    if (typeof value === "string") connectError.metadata.set(key, value);
  }
  const [bytes] = error.metadata?.get("grpc-status-details-bin") ?? [];
  if (bytes instanceof Buffer) {
    const status = fromBinary(StatusSchema, bytes);
    if (status.code !== error.code || status.message !== error.details) throw new Error("status and details differ");
    connectError.details = status.details.map((any) => ({ type: any.typeUrl.split("/").at(-1) ?? "", value: any.value }));
  }
  return fromConnect(connectError);
}
