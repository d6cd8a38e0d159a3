import type { EpochMs } from "../../model/time.js";

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
}
