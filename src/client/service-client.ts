import { type DescMessage, type DescMethodUnary, type DescService, getOption, hasOption } from "@bufbuild/protobuf";
import { type Client, createClient, type Transport } from "@connectrpc/connect";
import { access, Caller } from "../gen/client/latchkey/v1/access_pb.js";
import { TokenService } from "../gen/client/latchkey/v1/token_service_pb.js";
import { type ClientToken, createClientToken } from "./client-token.js";
import { errorDetails } from "./connect-error-details.js";
import * as gen from "./gen.js";
import { withHeaders, withToken } from "./headers.js";
import { untilAborted } from "./until-aborted.js";

export interface ServiceClientOptions {
  /** The id of a confidential client. */
  readonly clientId: string;
  /** Its secret, `lk_…`. Read it from a file or the environment; it must never reach a browser. */
  readonly clientSecret: string;
  /** Milliseconds since 1970. Default: this machine's clock. */
  readonly clock?: () => number;
}

type Gen = typeof gen;
type ServiceKey = { [Key in keyof Gen]: Gen[Key] extends DescService ? Key : never }[keyof Gen];
type ShortName<Key> = Key extends `${infer Name}Service` ? Uncapitalize<Name> : never;

/**
 * A client of each service of `latchkey.v1`: `auth` for AuthService, `app` for AppService and so on. Methods throw `ConnectError`;
 * `errorDetails` reads it.
 */
export type Services = {
  readonly [Key in ServiceKey as ShortName<Key>]: Client<Gen[Key]>;
};

/**
 * Latchkey for a backend that authenticates as a confidential client. It fetches a client token for its first call, sends it with the
 * calls of clients, and renews it before it expires, and once more if the server answers TOKEN_INVALID. Concurrent calls share one
 * fetch. Calls that have an `authorization` header keep theirs: pass the access token of a user that way.
 */
export type ServiceClient = Services & {
  /**
   * The same services for one end user, whose network address the limits are then charged to. Make one for each request; it is cheap.
   */
  forEndUser(address: string): Services;
  /** A valid client token, for your own HTTP calls and other APIs of the app. */
  getToken(): Promise<string>;
  /** Closes the connection. Calls in progress finish. */
  close(): void;
};

/** `transport` has no authentication of its own. */
export function createServiceClientOn(transport: Transport, options: ServiceClientOptions, close: () => void): ServiceClient {
  const headers = { authorization: basicCredentials(options) };
  const issuer = createClient(TokenService, transport);
  const token = createClientToken(() => issuer.issueClientToken({}, { headers }), options.clock ?? Date.now);
  const authenticated = withClientToken(transport, token);
  return {
    ...servicesOn(authenticated),
    forEndUser: (address) => servicesOn(withHeaders(authenticated, { "x-latchkey-end-user-ip": address })),
    getToken: () => token.current(),
    close,
  };
}

const services = Object.entries(gen).flatMap(([key, value]) =>
  key.endsWith("Service") ? [[shortName(key), value as DescService] as const] : [],
);

function servicesOn(transport: Transport): Services {
  return Object.fromEntries(services.map(([name, service]) => [name, createClient(service, transport)])) as Services;
}

function shortName(key: string): string {
  return key.charAt(0).toLowerCase() + key.slice(1, -"Service".length);
}

/** RFC 6749 §2.3.1: both are form-encoded first. */
function basicCredentials({ clientId, clientSecret }: ServiceClientOptions): string {
  const encoded = [clientId, clientSecret].map((text) => encodeURIComponent(text).replaceAll("%20", "+"));
  return `Basic ${btoa(encoded.join(":"))}`;
}

function withClientToken(transport: Transport, token: ClientToken): Transport {
  return {
    async unary(method, signal, timeoutMs, header, ...rest) {
      const send = (headers: HeadersInit | undefined) => transport.unary(method, signal, timeoutMs, headers, ...rest);
      if (!isForClients(method) || new Headers(header).has("authorization")) return await send(header);
      const current = await untilAborted(token.current(), signal);
      try {
        return await send(withToken(header, current));
      } catch (error) {
        if (errorDetails(error).reason !== "TOKEN_INVALID") throw error;
        return await send(withToken(header, await untilAborted(token.renew(current), signal)));
      }
    },
    stream: transport.stream.bind(transport),
  };
}

/** Other methods do not take a client's token. */
function isForClients(method: DescMethodUnary<DescMessage, DescMessage>): boolean {
  const caller = hasOption(method, access) ? getOption(method, access).caller : Caller.ANY;
  return caller !== Caller.USER && caller !== Caller.ANY;
}
