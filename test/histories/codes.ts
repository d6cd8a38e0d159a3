import type { Fleet } from "./fleet.js";

/** Where workers find the codes that were sent to them. */
export interface Codes {
  /** The code of a challenge as soon as it was delivered; null: not within `waitMs`, or it died with the process that delivered it. */
  of(challenge: string, identifier: string, waitMs: number): Promise<string | null>;
  /** The code of a challenge that was asked for before; null: it was not, or did not come. */
  known(challenge: string): string | null;
}

const pollMs = 6;

/**
 * Reads the developer inboxes: of all that carries a code they alone name its challenge. Which process delivers is settled by the
 * lease of the message, so all of them are asked.
 */
export function createCodes(fleet: Fleet): Codes {
  const known = new Map<string, string>();
  return {
    known: (challenge) => known.get(challenge) ?? null,
    async of(challenge, identifier, waitMs) {
      const giveUpAt = performance.now() + waitMs;
      for (;;) {
        const code = known.get(challenge);
        if (code !== undefined) return code;
        if (performance.now() > giveUpAt) return null;
        await Promise.all(fleet.processes.map(({ inboxUrl }) => read(inboxUrl, identifier, known)));
        if (!known.has(challenge)) await new Promise((resolve) => setTimeout(resolve, pollMs));
      }
    },
  };
}

async function read(inboxUrl: string, identifier: string, known: Map<string, string>): Promise<void> {
  try {
    const response = await fetch(`${inboxUrl}/messages?to=${encodeURIComponent(identifier)}`);
    for (const { challengeId, code } of (await response.json()) as { challengeId: string; code: string }[]) {
      known.set(challengeId, code);
    }
  } catch {
    // A killed process has no inbox.
  }
}
