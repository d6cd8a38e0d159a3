import { answerOf, type Callable, methodsOf } from "./calling.js";
import type { Answer, Call } from "./history.js";
import { callsAsUser, performers } from "./perform.js";
import type { Door } from "./plan.js";
import type { Ready } from "./resolve.js";
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
      const methods = methodsOf(serverOf(process), { door, headers: headersOf(ready), signal: giveUp.signal });
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

function headersOf({ kind, requester, accessToken }: Ready): Record<string, string> {
  const headers: Record<string, string> = { "x-forwarded-for": requester };
  if (callsAsUser(kind)) headers.authorization = `Bearer ${accessToken}`;
  return headers;
}
