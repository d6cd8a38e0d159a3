import { type IncomingHttpHeaders, request } from "node:http";
import { Client, type ClientReadableStream, type ServiceError, status } from "@grpc/grpc-js";
import { grpcCredentials, type Server, type Trust } from "../support/server.js";

const bytes = (value: Buffer): Buffer => value;

/** Follows what gRPC health says of the whole server: `NOT_SERVING` or `SERVING`, as it is told. */
export function watchHealth(server: Server, onStatus: (serving: boolean) => void): { close(): void } {
  const client = probe(server.grpcAddress);
  const stream: ClientReadableStream<Buffer> = client.makeServerStreamRequest(
    "/grpc.health.v1.Health/Watch",
    bytes,
    bytes,
    Buffer.alloc(0),
  );
  stream.on("data", (message: Buffer) => onStatus(message.equals(Buffer.from([0x08, 0x01]))));
  stream.on("error", () => {});
  return {
    close() {
      stream.cancel();
      client.close();
    },
  };
}

/** Asks reflection for the services: their names in the answer's bytes, or the status code of the refusal. */
export async function listServices(server: Server, version: "v1" | "v1alpha"): Promise<string | keyof typeof status> {
  const client = probe(server.grpcAddress);
  const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
  const stream = client.makeBidiStreamRequest(path, bytes, bytes);
  try {
    return await new Promise((resolve) => {
      stream.on("data", (answer: Buffer) => resolve(answer.toString("latin1")));
      stream.on("error", (error: ServiceError) => resolve(status[error.code] as keyof typeof status));
      // list_services: ""
      stream.write(Buffer.from([0x3a, 0x00]));
      stream.end();
    });
  } finally {
    client.close();
  }
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A plain HTTP request, with headers that `fetch` would not let through. */
export function get(url: string, headers: Readonly<Record<string, string>> = {}): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { headers }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        body += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
    });
    asked.on("error", reject);
    asked.end();
  });
}

function probe(address: string, trust?: Trust): Client {
  return new Client(address, grpcCredentials(trust), { "grpc.use_local_subchannel_pool": 1 });
}
