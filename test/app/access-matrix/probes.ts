import type { ClientHttp2Session } from "node:http2";
import { type DescMethod, fromBinary, fromJson, type JsonValue, toBinary, toJson } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { ErrorInfoSchema } from "../../../src/gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "../../../src/gen/google/rpc/status_pb.js";
import { frame, openSession, rawGrpc } from "../../doors/raw.js";

export type Headers = Readonly<Record<string, string>>;

/** What is sent: a message in JSON, or bytes that are no message of any kind. */
export type Body = JsonValue | "malformed";

/** Calls a method below every library. Returns the reason of the refusal, or null if the call succeeds. */
export interface Protocol {
  call(method: DescMethod, body: Body, headers: Headers): Promise<string | null>;
  close(): void;
}

export interface Doors {
  readonly grpcPort: number;
  readonly httpPort: number;
}

export const protocols: Readonly<Record<string, (doors: Doors) => Protocol>> = {
  gRPC: ({ grpcPort }) => overGrpc(openSession(`http://127.0.0.1:${grpcPort}`)),
  "gRPC-Web": ({ httpPort }) => overGrpcWeb(`http://127.0.0.1:${httpPort}`),
  "Connect JSON": ({ httpPort }) => overConnect(`http://127.0.0.1:${httpPort}`),
};

const pathOf = (method: DescMethod): string => `/${method.parent.typeName}/${method.name}`;

function binary({ input }: DescMethod, body: Body): Uint8Array {
  return body === "malformed" ? Uint8Array.of(0xff) : toBinary(input, fromJson(input, body));
}

function overGrpc(session: ClientHttp2Session): Protocol {
  return {
    async call(method, body, headers) {
      const { headers: answer } = await rawGrpc(session, {
        path: pathOf(method),
        headers,
        body: [frame(binary(method, body))],
      });
      return reasonInStatus(String(answer["grpc-status"]), answer["grpc-status-details-bin"] as string | undefined);
    },
    close: () => session.close(),
  };
}

function overGrpcWeb(url: string): Protocol {
  return {
    async call(method, body, headers) {
      const response = await fetch(url + pathOf(method), {
        method: "POST",
        headers: { "content-type": "application/grpc-web+proto", ...headers },
        body: new Uint8Array(frame(binary(method, body))),
      });
      const bytes = Buffer.from(await response.arrayBuffer());
      const trailers = new Map(response.headers);
      // The last frame has the trailers, unless they came as headers.
      for (let at = 0; at < bytes.length; at += 5 + bytes.readUInt32BE(at + 1)) {
        if (bytes[at] !== 0x80) continue;
        const text = bytes.subarray(at + 5, at + 5 + bytes.readUInt32BE(at + 1)).toString();
        for (const line of text.split("\r\n")) {
          const at = line.indexOf(": ");
          if (at > 0) trailers.set(line.slice(0, at).toLowerCase(), line.slice(at + 2));
        }
      }
      return reasonInStatus(trailers.get("grpc-status"), trailers.get("grpc-status-details-bin"));
    },
    close() {},
  };
}

function overConnect(url: string): Protocol {
  return {
    async call(method, body, headers) {
      const response = await fetch(url + pathOf(method), {
        method: "POST",
        headers: { "content-type": "application/json", "connect-protocol-version": "1", ...headers },
        body: body === "malformed" ? "{" : JSON.stringify(toJson(method.input, fromJson(method.input, body))),
      });
      const answer = (await response.json()) as { details?: { type: string; value: string }[] };
      if (response.ok) return null;
      const info = answer.details?.find(({ type }) => type === ErrorInfoSchema.typeName);
      if (info === undefined) throw new Error(`no ErrorInfo in ${JSON.stringify(answer)}`);
      return fromBinary(ErrorInfoSchema, Buffer.from(info.value, "base64")).reason;
    },
    close() {},
  };
}

function reasonInStatus(status: string | undefined, details: string | undefined): string | null {
  if (status === "0") return null;
  if (details === undefined) throw new Error(`grpc-status ${status} without details`);
  const infos = fromBinary(StatusSchema, Buffer.from(details, "base64")).details;
  const info = infos.map((any) => anyUnpack(any, ErrorInfoSchema)).find((one) => one !== undefined);
  if (info === undefined) throw new Error(`grpc-status ${status} without ErrorInfo`);
  return info.reason;
}
