import { lookup as systemLookup } from "node:dns/promises";
import type pg from "pg";
import { isWrongLogin } from "./errors.js";
import type { PostgresHost, PostgresLocation, PostgresLogin } from "./location.js";
import { type ConnectionOptions, connectTo, type Server } from "./server.js";

/** Finds the server that accepts writes. */
export interface Opener {
  /**
   * Connects to that server. If it fails, throws the error of the only server tried, or an `AggregateError` with the errors of
   * all.
   */
  open(options: ConnectionOptions): Promise<pg.Client>;
  /** From now on tries the server of a connection after all others, until another one works. */
  distrust(client: pg.Client): void;
}

type Lookup = (host: string) => Promise<readonly string[]>;

/** Time limit for all names and addresses together, so that a caller soon learns that no server can be reached. */
const connectTimeoutMs = 2_500;
const lookupTimeoutMs = 1_500;
/** An address gets at least this long, however many there are. */
const addressTimeoutMinMs = 500;

/**
 * Tries each address of each host in order, as libpq does, but starts with the one that worked last. A host that is down costs
 * its time limit, and only the first connection after a switchover should pay that. If time is left at the end, those that
 * were too slow are tried again. Names are resolved anew for each connection.
 * @param onMoved Called when another server works than before.
 */
export function createOpener(location: PostgresLocation, lookup: Lookup = lookupAll, onMoved: () => void = () => {}): Opener {
  const logins = createLogins(location);
  let lastGood: Server | undefined;
  let distrusted: Server | undefined;

  async function connect(server: Server, options: ConnectionOptions, timeoutMs: number): Promise<pg.Client> {
    const given = { options, timeoutMs };
    const login = logins.of(server);
    try {
      return await connectTo(server, location, { ...given, login });
    } catch (error) {
      const changed = isWrongLogin(error) ? logins.changed(server) : null;
      if (changed === null) throw error;
      return await connectTo(server, location, { ...given, login: changed });
    }
  }

  return {
    async open(options) {
      const deadline = performance.now() + connectTimeoutMs;
      const found = await Promise.allSettled(location.hosts.map((host) => resolve(host, lookup)));
      const errors = found.flatMap((result) => (result.status === "rejected" ? [result.reason as Error] : []));
      const servers = found.flatMap((result) => (result.status === "fulfilled" ? result.value : []));
      const last = servers.findIndex((server) => isSame(server, lastGood));
      if (last > 0) servers.unshift(...servers.splice(last, 1));
      const worst = servers.findIndex((server) => isSame(server, distrusted));
      if (worst >= 0) servers.push(...servers.splice(worst, 1));
      // Standbys answer at once and leave their time to a busy primary.
      for (let left = servers; left.length > 0; ) {
        const slow: Server[] = [];
        for (const [n, server] of left.entries()) {
          const share = (deadline - performance.now()) / (left.length - n);
          try {
            const client = await connect(server, options, Math.max(share, addressTimeoutMinMs));
            const isMoved = lastGood !== undefined && !isSame(server, lastGood);
            lastGood = server;
            if (!isSame(server, distrusted)) distrusted = undefined;
            if (isMoved) onMoved();
            return client;
          } catch (error) {
            errors.push(error as Error);
            if (isTimeout(error as Error)) slow.push(server);
          }
        }
        left = deadline - performance.now() > addressTimeoutMinMs ? slow : [];
      }
      throw errors.length === 1 ? errors[0] : new AggregateError(errors);
    },
    distrust({ host, port }) {
      if (lastGood?.address === host && lastGood.port === port) distrusted = lastGood;
    },
  };
}

/** The driver has no code for it. */
const isTimeout = ({ message }: Error): boolean => message === "timeout expired";

async function resolve({ host, port }: PostgresHost, lookup: Lookup): Promise<Server[]> {
  if (host.startsWith("/")) return [{ host, port, address: host }];
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`the lookup of ${host} timed out`)), lookupTimeoutMs);
  });
  const addresses = await Promise.race([lookup(host), late]).finally(() => clearTimeout(timer));
  return addresses.map((address) => ({ host, port, address }));
}

async function lookupAll(host: string): Promise<string[]> {
  return (await systemLookup(host, { all: true })).map(({ address }) => address);
}

function isSame(a: Server, b: Server | undefined): boolean {
  return a.host === b?.host && a.port === b.port && a.address === b.address;
}

interface Logins {
  of(at: PostgresHost): PostgresLogin;
  /** Reads the login again after a server refused it. Returns null if it is the same or can't be read. */
  changed(at: PostgresHost): PostgresLogin | null;
}

/** Keeps a login until a server refuses it. So the server or the file may change first. */
function createLogins({ user, password, readLogin }: PostgresLocation): Logins {
  const known = new Map<string, PostgresLogin>();
  const keyOf = ({ host, port }: PostgresHost): string => `${host}:${port}`;

  function read(at: PostgresHost, by: NonNullable<typeof readLogin>): PostgresLogin {
    const login = by(at);
    known.set(keyOf(at), login);
    return login;
  }

  return {
    of(at) {
      const login = known.get(keyOf(at));
      if (login !== undefined) return login;
      return readLogin === null || password !== "" ? { user, password } : read(at, readLogin);
    },
    changed(at) {
      if (readLogin === null) return null;
      const before = this.of(at);
      let login: PostgresLogin;
      try {
        login = read(at, readLogin);
      } catch {
        // Another process may be replacing the file just now.
        return null;
      }
      return login.user === before.user && login.password === before.password ? null : login;
    },
  };
}
