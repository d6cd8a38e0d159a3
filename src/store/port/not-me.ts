import type { Channel } from "../../model/channel.js";
import type { EpochMs } from "../../model/time.js";

/** A notice to a verified contact that a change removes. The outbox sends it once. */
export interface NewNotice {
  /** Random. The contact can be taken back under it until `expiresAt`. */
  readonly changeId: string;
  /** A channel that reaches contacts of this kind. */
  readonly channel: Channel;
  readonly expiresAt: EpochMs;
}

/** `taken`: another person has verified the contact since. `unknown`: there is no such change, or not any more. Nothing changed. */
export type TakeBackOutcome = "taken_back" | "taken" | "unknown";

/** What the recipient of a message ends by saying "this was not me". */
export interface NotMe {
  /**
   * Ends the sessions that a challenge bought, and makes the challenge a decoy if it is live. It still looks live, because its
   * requester must not see that its message was read. The challenges of the same registration share its fate, and the registration
   * ends. A challenge that was swept has only its sessions left to end. A redemption at the same moment leaves no session when the
   * promise resolves. Repeats end nothing.
   */
  disown(change: {
    readonly challengeId: string;
    readonly now: EpochMs;
  }): Promise<{ readonly endedChallenge: boolean; readonly endedSessions: number }>;

  /**
   * Gives a removed contact back to its person as the primary one of its kind, verified when it first was. Removes the contacts that
   * the person has verified since the change, turns live challenges that would change the person's contacts into decoys, and ends all
   * sessions of the person, in all apps. Contacts that the person verified since the change and that were removed can't be taken back
   * then. Older ones can, whatever was removed first: so a thief who takes an own contact back does not keep the owner from it. Of
   * concurrent calls, also of other people who verify the contact, one succeeds.
   */
  takeBack(change: { readonly changeId: string; readonly now: EpochMs }): Promise<TakeBackOutcome>;
}
