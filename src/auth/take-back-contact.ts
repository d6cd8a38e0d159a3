import { randomId } from "../crypto/random.js";
import type { CallSource } from "../model/caller.js";
import type { ContactKind } from "../model/contact.js";
import { takeBackMs } from "../model/not-me.js";
import type { Policy } from "../model/policy.js";
import type { NewNotice } from "../store/port/not-me.js";
import type { Deps } from "./deps.js";
import { idInLink } from "./link-token.js";

/** Returns the notice to a contact that is about to be removed, or null if the app sends nothing that could carry it. */
export function noticeOf(deps: Pick<Deps, "clock">, { channels }: Policy, kind: ContactKind): NewNotice | null {
  // Templates of WhatsApp and calls are for codes.
  const channel = kind === "email" ? "email" : "sms";
  if (!channels.includes(channel)) return null;
  return { changeId: randomId(), channel, expiresAt: deps.clock() + takeBackMs };
}

/**
 * Takes back the removed contact of a notice's token. Any other token is no error, and a contact that another person has verified
 * since stays theirs; the answer reveals neither. A forged token never reaches the database.
 */
export async function takeBackContact(deps: Deps, caller: CallSource, { token }: { readonly token: string }): Promise<void> {
  const changeId = idInLink(deps.lookup, "contact change", token);
  if (changeId === null) return deps.metrics.notMeReported("forged");
  const outcome = await deps.store.notMe.takeBack({ changeId, now: deps.clock() });
  deps.metrics.notMeReported(outcome === "taken_back" ? "contact" : "nothing");
  deps.log.info({ changeId, outcome, correlationId: caller.correlationId }, "a removed contact was to be taken back");
}
