import { Client, credentials, Metadata } from "@grpc/grpc-js";

const connections = 4;
const deadlineMs = 10_000;
const none = new Metadata();
const bytes = (value) => value;

/** Unary calls of bytes over a few connections; `lane` says over which. Rejects with grpc-js's `ServiceError`. */
export function createCaller(port) {
  const clients = Array.from(
    { length: connections },
    () => new Client(`127.0.0.1:${port}`, credentials.createInsecure(), { "grpc.use_local_subchannel_pool": 1 }),
  );
  return (lane, path, request, metadata = none) =>
    new Promise((resolve, reject) => {
      const options = { deadline: Date.now() + deadlineMs };
      const calledAt = performance.now();
      clients[lane % connections].makeUnaryRequest(path, bytes, bytes, request, metadata, options, (error, reply) => {
        if (error === null) resolve(reply);
        else reject(Object.assign(error, { calledAt }));
      });
    });
}
