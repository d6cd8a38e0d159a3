import { answerOf, type Callable, methodsOf } from "./calling.js";
import type { Answer, Call } from "./history.js";
import { callsAsAdmin, callsAsUser, performers } from "./perform.js";
import type { Door } from "./plan.js";
import type { Ready } from "./ready.js";
import { publicClientOf } from "./second-app.js";
import type { World } from "./world.js";

/** How and by whom a call is made. */
export interface Route {
  readonly worker: number;
  readonly process: number;
  readonly door: Door;
  readonly cutMs: number | null;
}

/** Makes calls and keeps what was seen of each, with its place in the one order of beginnings and ends. */
export interface Recorder {
  readonly calls: readonly Call[];
  make(ready: Ready, route: Route): Promise<Answer>;
}

/** `serverOf` is asked for each call anew: a killed server has a successor. */
export function createRecorder(world: World, serverOf: (process: number) => Callable): Recorder {
  const calls: Call[] = [];
  let place = 0;
  const next = (): number => {
    place += 1;
    return place;
  };
  return {
    calls,
    async make(ready, { worker, process, door, cutMs }) {
      const giveUp = new AbortController();
      const server = serverOf(process);
      const headers = await headersOf(ready, server);
      if (headers === null) return { kind: "unknown" };
      const methods = methodsOf(server, { door, headers, signal: giveUp.signal });
      const base = { kind: ready.kind, action: ready.action, worker, process, invoked: next(), invokedMs: Date.now() };
      const timer = cutMs === null ? undefined : setTimeout(() => giveUp.abort(), cutMs);
      const answer = await settle(ready, methods, world);
      clearTimeout(timer);
      const answered = answer.kind === "unknown" ? Number.POSITIVE_INFINITY : next();
      calls.push({ ...base, answer, answered, answeredMs: Date.now() } as Call);
      return answer;
    },
  };
}

async function settle(ready: Ready, methods: ReturnType<typeof methodsOf>, world: World): Promise<Answer> {
  const perform = performers[ready.kind] as (...given: unknown[]) => Promise<never>;
  try {
    return { kind: "ok", result: await perform(methods, ready.action, { ...ready.secrets, world }) };
  } catch (error) {
    return answerOf(error);
  }
}

/** Null: the server is gone, so that no token can be had for the call. */
async function headersOf(ready: Ready, server: Callable): Promise<Record<string, string> | null> {
  const { kind, requester, accessToken, app } = ready;
  if (callsAsAdmin(kind)) {
    const token = await server.users!.token().catch(() => null);
    return token === null ? null : { authorization: `Bearer ${token}` };
  }
  const headers: Record<string, string> = { "x-forwarded-for": requester };
  if (app !== undefined) headers["x-latchkey-client"] = publicClientOf(app);
  if (callsAsUser(kind)) headers.authorization = `Bearer ${accessToken}`;
  return headers;
}
