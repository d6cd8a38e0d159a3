import type { Directory } from "../../src/apps/directory.js";
import type { Deps } from "../../src/auth/deps.js";
import { AuthError } from "../../src/auth/errors.js";
import { createAddressOf, createNetworkOf } from "../../src/doors/address.js";
import type { ConnectionLimits } from "../../src/doors/connections.js";
import { createGrpcDoor, type GrpcDoor, type GrpcDoorOptions } from "../../src/doors/grpc/door.js";
import { createUnfinished, type UnfinishedOptions } from "../../src/doors/unfinished.js";
import { createWebDoor } from "../../src/doors/web/door.js";
import { AuthService } from "../../src/gen/latchkey/v1/auth_service_pb.js";
import type { Challenge } from "../../src/model/challenge.js";
import type { AllowedOrigins } from "../../src/model/client.js";
import type { Policy } from "../../src/model/policy.js";
import { fixedPolicy } from "../../src/model/policy.js";
import type { Session } from "../../src/model/session.js";
import type { User } from "../../src/model/user.js";
import { createGate, type Gate } from "../../src/rpc/access.js";
import { createClientAuthentication } from "../../src/rpc/client-authentication.js";
import { toChallenge } from "../../src/rpc/convert/challenge.js";
import { createInFlight, type InFlight } from "../../src/rpc/in-flight.js";
import { composeService, type Handlers, type ServedService } from "../../src/rpc/pipeline.js";
import { createAuthService } from "../../src/rpc/services/auth-service.js";
import type { LiveSession } from "../../src/store/port/sessions.js";
import { defaultDirectory } from "./directory.js";

export const startOfTime = Date.UTC(2026, 0, 1, 12);

export const user: User = {
  userId: "0190a000-0000-7000-8000-000000000001",
  number: 7,
  username: "ada",
  displayName: "Ada",
  locale: "en",
  contacts: [{ kind: "email", value: "ada@example.com", verifiedAt: startOfTime }],
  customAttributes: '{"plan":{"seats":3}}',
  createdAt: startOfTime,
};

export const session: Session = {
  sessionId: "0190a000-0000-7000-8000-0000000000aa",
  family: new Uint8Array(16),
  keyId: "k1",
  appId: "default",
  clientId: "default-web",
  credentialHash: null,
  ip: "192.0.2.1",
  userAgent: "test",
  amr: ["otp"],
  expiresAt: startOfTime + 86_400_000,
  idleExpiresAt: startOfTime + 86_400_000,
  userId: user.userId,
  generation: 0,
  createdAt: startOfTime,
  lastUsedAt: startOfTime,
};

export const goodToken = "good.access.token";

export interface LogLine {
  readonly level: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** A service whose use cases are scripted, and everything that a test may want to turn. */
export interface FakeApp {
  readonly service: ServedService;
  readonly gate: Gate;
  readonly deps: Deps;
  readonly directory: Directory;
  readonly inFlight: InFlight;
  readonly lines: LogLine[];
  /** Milliseconds, as the service sees them. */
  now: number;
  /** Live sessions by access token. */
  readonly live: Map<string, LiveSession>;
  /** Takes the place of SendOtp's handler. */
  sendOtp: SendOtp;
}

type SendOtp = NonNullable<Handlers<typeof AuthService>["forClients"]["sendOtp"]>;

export const issuer = "https://auth.example.com";
export const origin = "https://app.example.com";

/** The default app, whose policy has what no setting changes and nothing of what one does. */
export function testDirectory(settings: { defaultClient: boolean; allowedOrigins: AllowedOrigins }): Directory {
  return defaultDirectory({ ...settings, issuer, policy: fixedPolicy as unknown as Policy });
}

export function createFakeApp(options: { defaultClient?: boolean; callsMax?: number } = {}): FakeApp {
  const lines: LogLine[] = [];
  const live = new Map<string, LiveSession>([[goodToken, { session, user }]]);
  const deps = fakeDeps(lines, live, () => app.now);
  const directory = testDirectory({ defaultClient: options.defaultClient ?? true, allowedOrigins: [origin] });
  const inFlight = createInFlight(options.callsMax);
  const clients = createClientAuthentication({ ...deps, directory, audiences: [issuer], failureLimits: [] });
  const gate = createGate({ ...deps, directory, clients, issuer });
  const { forUsers, forAnyone } = createAuthService(deps);
  const handlers = { forUsers, forAnyone, forClients: scripted((caller, request) => app.sendOtp(caller, request)) };
  const app: FakeApp = {
    gate,
    service: composeService({ inFlight, gate, log: deps.log }, AuthService, handlers),
    deps,
    directory,
    inFlight,
    lines,
    now: startOfTime,
    live,
    sendOtp: async () => ({ challenge: toChallenge(challenge) }),
  };
  return app;
}

export const challenge = {
  challengeId: "AAAAAAAAAAAAAAAAAAAAAA",
  channel: "email",
  maskedDestination: "a***@example.com",
  codeLength: 6,
  sendsMax: 5,
  sends: 1,
  expiresAt: startOfTime + 300_000,
  resendAt: startOfTime + 30_000,
} as Challenge;

function scripted(sendOtp: SendOtp): Handlers<typeof AuthService>["forClients"] {
  return {
    sendOtp,
    registerUser: async () => ({ challenges: [toChallenge(challenge)] }),
    verifyOtp: async (_caller, request) => {
      if (request.code !== "123456") throw new AuthError("CODE_INVALID", { detail: "mismatch" });
      return { sessionId: session.sessionId, tokens: { accessToken: goodToken, tokenType: "Bearer", refreshToken: "r0" } };
    },
    refreshToken: async (_caller, request) => {
      if (request.refreshToken !== "r0") throw new AuthError("SESSION_ENDED", { detail: "garbage" });
      return { tokens: { accessToken: goodToken, tokenType: "Bearer", refreshToken: "r1" } };
    },
    revokeToken: async () => ({}),
    getChallenge: async () => ({ challenge: toChallenge(challenge) }),
    cancelChallenge: async () => ({ challenge: toChallenge(challenge) }),
    approveChallenge: async () => ({ challenge: toChallenge(challenge) }),
  };
}

function fakeDeps(lines: LogLine[], live: FakeApp["live"], clock: () => number): Deps {
  const record = (level: string) => (fields: LogLine["fields"], message: string) => void lines.push({ level, fields, message });
  const sessions = () => [...live.values()];
  const fake = {
    clock,
    log: { debug: record("debug"), info: record("info"), warn: record("warn"), error: record("error") },
    accessTokens: {
      verifyAccess: async (token: string) => {
        const found = live.get(token)?.session;
        return found === undefined ? null : { kind: "user", ...found, audience: issuer, expiresAt: Number.POSITIVE_INFINITY };
      },
    },
    store: {
      sessions: {
        findLive: async (query: { sessionId: string }) =>
          sessions().find((one) => one.session.sessionId === query.sessionId) ?? null,
        list: async () => sessions().map((one) => one.session),
        revoke: async (change: { sessionId: string }) => change.sessionId === session.sessionId,
        revokeOthers: async () => 2,
      },
      users: { leave: async () => "erased" },
    },
  };
  return fake as unknown as Deps;
}

export interface Doors {
  /** `127.0.0.1:port` */
  readonly grpcAddress: string;
  readonly webUrl: string;
  readonly grpc: GrpcDoor;
  readonly web: ReturnType<typeof createWebDoor>;
  stop(): Promise<void>;
}

export interface DoorSettings {
  /** Where the doors listen: 127.0.0.1 by default. */
  readonly host?: string;
  readonly tls?: GrpcDoorOptions["tls"];
  readonly reflection?: boolean;
  readonly trustedProxies?: readonly string[];
  readonly ready?: () => Promise<void>;
  readonly unfinished?: UnfinishedOptions;
  readonly streams?: GrpcDoorOptions["streams"];
  /** Of each door. */
  readonly connections?: Partial<ConnectionLimits>;
}

/** Both doors on free ports, serving. */
export async function openDoors(app: FakeApp, settings: DoorSettings = {}): Promise<Doors> {
  const common = {
    services: [app.service],
    inFlight: app.inFlight,
    unfinished: createUnfinished(settings.unfinished),
    connections: { networkOf: createNetworkOf(settings.trustedProxies ?? []), ...settings.connections },
    addressOf: createAddressOf(settings.trustedProxies ?? []),
    tls: settings.tls ?? null,
  };
  const { reflection = true, streams = {} } = settings;
  const grpc = await createGrpcDoor({ ...common, reflection, streams });
  const jwks = () => '{"keys":[{"kty":"EC","alg":"ES256","kid":"k1"}]}';
  const web = createWebDoor({ ...common, directory: app.directory, issuer, jwks, ready: settings.ready ?? (async () => {}) });
  const { host = "127.0.0.1" } = settings;
  const [grpcPort, webPort] = await Promise.all([grpc.listen(host, 0), web.listen(host, 0)]);
  grpc.setServing(true);
  web.setServing(true);
  return {
    grpcAddress: `127.0.0.1:${grpcPort}`,
    webUrl: `${common.tls === null ? "http" : "https"}://127.0.0.1:${webPort}`,
    grpc,
    web,
    async stop() {
      await Promise.all([grpc.drain(100), web.drain(100)]);
    },
  };
}
