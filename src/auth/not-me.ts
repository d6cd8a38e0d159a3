import { timingSafeEqual } from "node:crypto";
import type { LookupKeys } from "../crypto/lookup-keys.js";
import type { CallSource } from "../model/caller.js";
import type { NotMeOutcome } from "../model/metrics.js";
import type { Deps } from "./deps.js";

const shape = /^([A-Za-z0-9_-]{22})\.[A-Za-z0-9_-]{22}$/;

/** Returns the token of the link in a challenge's mail: the challenge's id and a MAC. Nothing is stored for it. */
export function notMeTokenOf(lookup: Pick<LookupKeys, "notMe">, challengeId: string): string {
  return `${challengeId}.${lookup.notMe(challengeId).toString("base64url")}`;
}

/** Returns the challenge that the token belongs to, or null if the token was not made here. */
function challengeIn(lookup: Pick<LookupKeys, "notMe">, token: string): string | null {
  const challengeId = shape.exec(token)?.[1];
  if (challengeId === undefined) return null;
  // The texts are compared, because several texts decode to the same bytes.
  return timingSafeEqual(Buffer.from(token), Buffer.from(notMeTokenOf(lookup, challengeId))) ? challengeId : null;
}

/**
 * Ends the challenge of a link's token and the session that it bought. Any other token is no error, so the answer reveals nothing. A
 * forged one never reaches the database.
 */
export async function reportNotMe(deps: Deps, caller: CallSource, { token }: { readonly token: string }): Promise<void> {
  const challengeId = challengeIn(deps.lookup, token);
  if (challengeId === null) return deps.metrics.notMeReported("forged");
  const ended = await deps.store.notMe.disown({ challengeId, now: deps.clock() });
  deps.metrics.notMeReported(outcomeOf(ended));
  deps.log.info({ challengeId, ...ended, correlationId: caller.correlationId }, "challenge disowned by its recipient");
}

function outcomeOf(ended: { readonly endedChallenge: boolean; readonly endedSessions: number }): NotMeOutcome {
  if (ended.endedSessions > 0) return "session";
  return ended.endedChallenge ? "challenge" : "nothing";
}
