// What a call costs when the server does nothing: a bare grpc-js server that gives back the bytes it got.
import { Server, ServerCredentials } from "@grpc/grpc-js";

const bytes = (value) => value;
const server = new Server();
server.addService(
  {
    Say: {
      path: "/bench.Echo/Say",
      requestStream: false,
      responseStream: false,
      requestSerialize: bytes,
      requestDeserialize: bytes,
      responseSerialize: bytes,
      responseDeserialize: bytes,
    },
  },
  { Say: (call, callback) => callback(null, call.request) },
);
const bound = new Promise((resolve, reject) => {
  const credentials = ServerCredentials.createInsecure();
  server.bindAsync("127.0.0.1:0", credentials, (error, port) => (error === null ? resolve(port) : reject(error)));
});
globalThis.answer({ ready: async () => ({ port: await bound }) });
process.on("SIGTERM", () => process.exit());
