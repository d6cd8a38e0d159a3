import { parseHostOrNetwork, parseNetwork } from "./network.js";
import { choice, duration, integer, list, listener, path } from "./parse.js";
import { both, setting } from "./setting.js";

/** The settings of listeners, processes, TLS and proxies, in the order in which they are shown. */
export const networkTable = {
  grpcListen: setting({
    name: "LATCHKEY_GRPC_LISTEN",
    topic: "Addresses and processes",
    purpose: "Where native gRPC is served.",
    unit: "address:port",
    // Open to the network by default: production refuses to start until LATCHKEY_TLS is decided.
    defaults: { development: "127.0.0.1:50051", production: "0.0.0.0:50051" },
    parse: listener({ loopbackOnly: false }),
  }),
  httpListen: setting({
    name: "LATCHKEY_HTTP_LISTEN",
    topic: "Addresses and processes",
    purpose: "Where Connect, gRPC-Web and all other HTTP is served.",
    unit: "address:port",
    defaults: { development: "127.0.0.1:8080", production: "0.0.0.0:8080" },
    parse: listener({ loopbackOnly: false }),
  }),
  inboxListen: setting({
    name: "LATCHKEY_INBOX_LISTEN",
    topic: "Addresses and processes",
    purpose: "Where the developer inbox shows the codes that were sent. It exists in development only, on this machine only.",
    unit: "address:port",
    defaults: { development: "127.0.0.1:8025", production: null },
    parse: listener({ loopbackOnly: true }),
  }),
  workers: setting({
    name: "LATCHKEY_WORKERS",
    topic: "Addresses and processes",
    purpose: "How many processes serve on this machine. They share its ports; more than one needs PostgreSQL.",
    unit: "1 to 64 processes",
    defaults: both("1"),
    parse: integer({ min: 1, max: 64 }),
  }),
  drainDelay: setting({
    name: "LATCHKEY_DRAIN_DELAY",
    topic: "Addresses and processes",
    purpose:
      "How long calls are still accepted after SIGTERM or SIGINT. Readiness already fails then, so balancers have time to use other servers.",
    unit: "duration, at most 5m",
    defaults: { development: "0", production: "5s" },
    parse: duration({ min: "0", max: "5m" }),
  }),
  tls: setting({
    name: "LATCHKEY_TLS",
    topic: "TLS and proxies",
    purpose: "Where TLS ends: nowhere (off), at Latchkey (files), or at a proxy in front of it (terminated).",
    unit: "off, files or terminated",
    defaults: both("off"),
    parse: choice(["off", "files", "terminated"]),
  }),
  tlsCert: setting({
    name: "LATCHKEY_TLS_CERT",
    topic: "TLS and proxies",
    purpose: "The certificate chain, the server's certificate first. For LATCHKEY_TLS=files.",
    unit: "path of a PEM file",
    defaults: both(null),
    parse: path,
  }),
  tlsKey: setting({
    name: "LATCHKEY_TLS_KEY",
    topic: "TLS and proxies",
    purpose: "The private key of the certificate. For LATCHKEY_TLS=files.",
    unit: "path of a PEM file",
    defaults: both(null),
    parse: path,
  }),
  tlsClientCa: setting({
    name: "LATCHKEY_TLS_CLIENT_CA",
    topic: "TLS and proxies",
    purpose: "The authority that must have signed the certificates of clients (mTLS). Without it, clients need no certificate.",
    unit: "path of a PEM file",
    defaults: both(null),
    parse: path,
  }),
  trustedProxies: setting({
    name: "LATCHKEY_TRUSTED_PROXIES",
    topic: "TLS and proxies",
    purpose:
      "The proxies whose X-Forwarded-For header is trusted. Their connections are exempt from the connection cap of one network.",
    unit: "IP addresses and networks, separated by commas",
    defaults: both(""),
    defaultsShown: both("none"),
    parse: list(parseNetwork),
  }),
  outboundAllowed: setting({
    name: "LATCHKEY_OUTBOUND_ALLOWED",
    topic: "TLS and proxies",
    purpose:
      "Which hosts Latchkey may call although they have loopback, private or reserved addresses, such as a registration hook in your own network. They may also be called over http. All other calls need https and public addresses.",
    unit: "host names, IP addresses and networks, separated by commas",
    defaults: { development: "127.0.0.0/8,::1", production: "" },
    defaultsShown: { production: "none" },
    parse: list(parseHostOrNetwork),
  }),
};
