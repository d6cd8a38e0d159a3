// Everything that calls: one process, the same for every server. It works when `run.mjs` asks it to.
import { receiveCodes } from "../codes.mjs";
import { createBetterAuth } from "./better-auth.mjs";
import { createDialects } from "./dialects.mjs";
import { createCaller } from "./grpc.mjs";
import { createLatchkey } from "./latchkey.mjs";
import { closedLoop, openLoop } from "./rounds.mjs";
import { createSupabase } from "./supabase.mjs";

const codes = receiveCodes(process.env.BENCH_CODES);
const kinds = {
  latchkey: createLatchkey,
  "better-auth": createBetterAuth,
  supabase: createSupabase,
  dialects: createDialects,
  echo: createEcho,
};
const targets = new Map();

/** As long as the reply to a RefreshToken, about. */
const echoed = Buffer.alloc(600, "e");

function createEcho({ port }) {
  const call = createCaller(port);
  return { say: (lane) => call(lane, "/bench.Echo/Say", echoed) };
}

function targetOf(target) {
  const key = `${target.kind} ${target.port}`;
  if (!targets.has(key)) targets.set(key, kinds[target.kind](target, codes));
  return targets.get(key);
}

globalThis.answer({
  ready: () => ({}),
  /** Registers all users of a target. */
  async register({ target }) {
    const { register } = targetOf(target);
    let next = 0;
    async function worker(_, lane) {
      while (next < target.users) {
        next += 1;
        await register(lane, next - 1);
      }
    }
    await Promise.all(Array.from({ length: 32 }, worker));
  },
  prepare: ({ target }) => targetOf(target).prepare(),
  adopt: ({ target, refreshTokens }) => targetOf(target).adopt(refreshTokens),
  closedLoop: ({ target, act, ...how }) => closedLoop(targetOf(target)[act], how),
  openLoop: ({ target, act, ...how }) => openLoop(targetOf(target)[act], how),
  /** Logins at a rate that fills the hash queue, and a few callers of an echo beside them. */
  async overload({ target, echo, perSecond, ms }) {
    const [logins, echoes] = await Promise.all([
      openLoop(targetOf(target).login, { perSecond, ms }),
      closedLoop(targetOf(echo).say, { clients: 8, ms: ms + 1000, pauseMs: 20 }),
    ]);
    return { ...logins, echoP99: echoes.p99 };
  },
  refreshAlone: ({ target, ms }) => closedLoop(targetOf(target).refresh, { clients: 8, ms, pauseMs: 20 }),
  /** Refreshes of a few callers while logins come at a rate that fills the hash queue. */
  async refreshInOverload({ target, perSecond, ms }) {
    const { login, refresh } = targetOf(target);
    await closedLoop(refresh, { clients: 8, ms: 1 });
    const [, refreshes] = await Promise.all([
      openLoop(login, { perSecond, ms }),
      closedLoop(refresh, { clients: 8, ms: ms + 1000, pauseMs: 20 }),
    ]);
    return refreshes;
  },
});
