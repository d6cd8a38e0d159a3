import { createServer as createTcpServer, type Socket } from "node:net";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { atMost } from "../../lib/at-most.js";
import { wireError } from "../../rpc/errors.js";
import type { InFlight } from "../../rpc/in-flight.js";
import type { ServedService } from "../../rpc/pipeline.js";
import { type ConnectionLimits, limitConnections } from "../connections.js";
import { createGunzip } from "../gunzip.js";
import { listenOn } from "../listener.js";
import { createRunning } from "../running.js";
import type { Unfinished } from "../unfinished.js";
import { type CallReading, toGrpcMethods } from "./calls.js";
import { createHealth } from "./health.js";
import { createCallGuard, type ToWireError } from "./interceptor.js";
import { limitStreams, type StreamLimits } from "./streams.js";
import { countRequests, http2ServerOf, limitHeaders } from "./transport.js";

export interface GrpcDoorOptions extends CallReading {
  readonly services: readonly ServedService[];
  readonly inFlight: InFlight;
  readonly unfinished: Unfinished;
  /** Null means no TLS. */
  readonly tls: TlsOptions | null;
  readonly reflection: boolean;
  readonly connections: ConnectionLimits;
  readonly streams?: Partial<StreamLimits>;
}

/** Native gRPC with health and, if enabled, reflection. It starts as not serving. */
export interface GrpcDoor {
  /** Resolves with the bound port. */
  listen(host: string, port: number): Promise<number>;
  /** Sets what health reports for the server and for every service. */
  setServing(serving: boolean): void;
  /** New connections use these options. The door must have been created with TLS. */
  renewTls(options: TlsOptions): void;
  /** Accepts no more connections and calls, lets running calls end for up to `ms`, and closes. */
  drain(ms: number): Promise<void>;
}

const serverOptions = {
  "grpc.max_send_message_length": 256 * 1024,
  "grpc.max_concurrent_streams": 100,
  "grpc-node.max_session_memory": 10,
  // Detects peers that are gone or never spoke HTTP/2.
  "grpc.keepalive_time_ms": 30_000,
  "grpc.keepalive_timeout_ms": 10_000,
  "grpc.max_connection_idle_ms": 5 * 60_000,
  // Connections have a maximum age, so that callers spread over the servers behind a balancer.
  "grpc.max_connection_age_ms": 30 * 60_000,
  "grpc.max_connection_age_grace_ms": 30_000,
  // Statistics for a debugging service that Latchkey does not serve.
  "grpc.enable_channelz": 0,
};

export async function createGrpcDoor(options: GrpcDoorOptions): Promise<GrpcDoor> {
  const running = createRunning();
  const methods = options.services.flatMap((service) => service.methods);
  const receiveMaxBytes = Math.max(...methods.map((one) => one.requestMaxBytes));
  const converters = new Map(
    methods.map(({ method, toWireError }) => [`/${method.parent.typeName}/${method.name}`, toWireError]),
  );
  const toWireError: ToWireError = (path, error) => converters.get(path)?.(error) ?? wireError("INTERNAL");
  const server = new Server({
    ...serverOptions,
    "grpc.max_receive_message_length": receiveMaxBytes,
    interceptors: [
      createCallGuard({
        gunzip: createGunzip(options.inFlight, receiveMaxBytes),
        toWireError,
        limitStream: limitStreams(options.connections.networkOf, options.streams),
        messageMaxBytes: (path) => (converters.has(path) ? receiveMaxBytes : questionMaxBytes),
      }),
    ],
  });
  limitHeaders(server);
  for (const { methods } of options.services) {
    const { definition, implementation } = toGrpcMethods(methods, options, running);
    server.addService(definition, implementation);
  }
  const descriptors = options.services.map(({ service }) => service);
  // Loaded only if enabled: it takes a twentieth of a process's memory.
  if (options.reflection) (await import("./reflection.js")).addReflection(server, descriptors);
  const health = createHealth(descriptors.map(({ typeName }) => typeName));
  server.addService(health.definition, health.implementation);

  // Our own listener accepts connections, because the library's server limits neither connections nor the time of a TLS
  // handshake.
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const http2Server = http2ServerOf(server);
  countRequests(http2Server, { unfinished: options.unfinished, networkOf: options.connections.networkOf });
  const secure = options.tls === null ? null : createTlsServer({ ...options.tls, noDelay: true, ALPNProtocols: ["h2"] });
  const listener = secure ?? createTcpServer({ noDelay: true });
  const connections = limitConnections(listener, options.connections);
  http2Server.on("session", connections.addSession);
  listener.on(secure === null ? "connection" : "secureConnection", (socket: Socket) => {
    if (socket.destroyed) return;
    dropSilent(socket);
    injector.injectConnection(socket);
  });

  return {
    listen: (host, port) => listenOn(listener, host, port),
    setServing: health.setServing,
    renewTls: (renewed) => secure?.setSecureContext(renewed),
    async drain(ms) {
      health.setServing(false);
      const closed = new Promise((resolve) => listener.close(resolve));
      injector.drain(ms);
      await atMost(ms, running.idle());
      // Streams that watch health never end by themselves.
      await atMost(lastBytesMs, closed);
      for (const socket of connections.sockets) socket.destroy();
      await closed;
      injector.destroy();
    },
  };
}

/** How long sending a finished answer and the GOAWAY frame may take. */
const lastBytesMs = 200;

/** Requests of health and reflection are names. The longest has about 50 characters. */
const questionMaxBytes = 256;

/** Length of the HTTP/2 preface and the first frame's header. */
const greetingBytes = 33;
const greetingMs = 10_000;

/** Ends a connection whose peer sends nothing. */
function dropSilent(socket: Socket): void {
  const timer = setTimeout(() => {
    if (socket.bytesRead < greetingBytes) socket.destroy();
  }, greetingMs);
  timer.unref();
  socket.once("close", () => clearTimeout(timer));
}
