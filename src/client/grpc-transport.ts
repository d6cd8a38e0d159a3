import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { type Client, Metadata, type ServiceError } from "@grpc/grpc-js";
import { callUnary, readStatusDetails } from "./grpc-call.js";

/** Makes unary calls over a grpc-js channel. Calls throw `ConnectError`, as over any other transport. */
export function createGrpcTransport(channel: Client): Transport {
  return {
    async unary(method, signal, timeoutMs, header, input) {
      const metadata = new Metadata();
      for (const [name, value] of new Headers(header)) metadata.set(name, value);
      const request = create(method.input, input);
      const message = await callUnary(channel, method, request, { metadata, timeoutMs, signal }).catch((error: unknown) => {
        throw toConnectError(error);
      });
      // Latchkey says nothing in the headers of a successful answer.
      const none = { header: new Headers(), trailer: new Headers() };
      return { ...none, stream: false, service: method.parent, method, message: message as never };
    },
    async stream(method) {
      throw new ConnectError(`${method.name} is a stream, which this client can't call`, Code.Unimplemented);
    },
  };
}

function toConnectError(error: unknown): ConnectError {
  // grpc-js rejects with nothing but a ServiceError, and both number the codes alike.
  const { code, details: message } = error as ServiceError;
  const refusal = new ConnectError(message, code as number as Code, undefined, undefined, error);
  refusal.details = readStatusDetails(error).map(({ typeUrl, value }) => ({
    type: typeUrl.slice(typeUrl.lastIndexOf("/") + 1),
    value,
  }));
  return refusal;
}
