import { create, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import type { ConnectError } from "@connectrpc/connect";
import { Metadata, type StatusObject } from "@grpc/grpc-js";
import { StatusSchema } from "../../gen/google/rpc/status_pb.js";

/**
 * Returns what grpc-js sends for an error. Encodes each error object once, because the pipeline reuses the same few objects.
 */
export function createToStatus(): (error: ConnectError) => StatusObject {
  const encoded = new WeakMap<ConnectError, StatusObject>();
  return (error) => {
    let status = encoded.get(error);
    if (status === undefined) {
      status = toStatusObject(error);
      encoded.set(error, status);
    }
    return status;
  };
}

/** Converts an error for gRPC: code, sentence, and the details in `grpc-status-details-bin`. */
export function toStatusObject(error: ConnectError): StatusObject {
  const metadata = new Metadata();
  error.metadata.forEach((value, key) => {
    metadata.set(key, value);
  });
  const details = error.details.flatMap((detail) =>
    "desc" in detail ? anyPack(detail.desc, create(detail.desc, detail.value)) : [],
  );
  const status = create(StatusSchema, { code: error.code, message: error.rawMessage, details });
  metadata.set("grpc-status-details-bin", Buffer.from(toBinary(StatusSchema, status)));
  // Connect's codes have the same numbers as gRPC's.
  return { code: error.code as number, details: error.rawMessage, metadata };
}
