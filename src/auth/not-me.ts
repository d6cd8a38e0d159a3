import type { CallSource } from "../model/caller.js";
import type { NotMeOutcome } from "../model/metrics.js";
import type { Deps } from "./deps.js";
import { idInLink } from "./link-token.js";

/**
 * Ends the challenge of a link's token and the session that it bought. Any other token is no error, so the answer reveals nothing. A
 * forged one never reaches the database.
 */
export async function reportNotMe(deps: Deps, caller: CallSource, { token }: { readonly token: string }): Promise<void> {
  const challengeId = idInLink(deps.lookup, "not me", token);
  if (challengeId === null) return deps.metrics.notMeReported("forged");
  const ended = await deps.store.notMe.disown({ challengeId, now: deps.clock() });
  deps.metrics.notMeReported(outcomeOf(ended));
  deps.log.info({ challengeId, ...ended, correlationId: caller.correlationId }, "challenge disowned by its recipient");
}

function outcomeOf(ended: { readonly endedChallenge: boolean; readonly endedSessions: number }): NotMeOutcome {
  if (ended.endedSessions > 0) return "session";
  return ended.endedChallenge ? "challenge" : "nothing";
}
