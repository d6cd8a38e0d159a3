import { bindingText, type CodeBinding, type HashSlot } from "../crypto/code-hash.js";
import { randomDigits, randomId } from "../crypto/random.js";
import type { Caller } from "../model/caller.js";
import type { Challenge, NewChallenge, Purpose } from "../model/challenge.js";
import type { Channel } from "../model/channel.js";
import type { Contact } from "../model/contact.js";
import { channelReaches, type Identifier, isContact } from "../model/identifier.js";
import { maskContact } from "../model/mask.js";
import type { MessageWords } from "../model/wording.js";
import type { CodeOptions } from "./code-options.js";
import type { Deps } from "./deps.js";

/** The plan of a challenge. Real challenges and decoys are created by the same steps. */
export interface ChallengePlan {
  readonly purpose: Purpose;
  readonly channel: Channel;
  /** The identifier as the caller gave it. Budgets count by it, and the masked destination is made from it. */
  readonly identifier: Identifier;
  /** The contact that the code proves. Null only for a decoy. */
  readonly contact: Contact | null;
  readonly userId: string | null;
  readonly replaces: string | null;
  readonly decoy: boolean;
  readonly isTest: boolean;
  readonly locale: string;
  readonly identifierKey: Buffer;
  readonly budgetKey: Buffer;
  readonly requesterKey: Buffer;
}

/** A challenge that a caller requests. */
export interface Wanted {
  readonly purpose: Purpose;
  readonly channel: Channel;
  readonly identifier: Identifier;
}

/** The fields of a challenge that depend on its recipient. */
export type Destination = Pick<ChallengePlan, "contact" | "userId" | "decoy" | "locale"> &
  Partial<Pick<ChallengePlan, "replaces">> & {
    /** Whether no user has the identifier and the code would make none. */
    readonly isUnknown?: boolean;
  };

/** A challenge that is not stored yet. Its lifetime starts when it is stored, not while its code waits to be hashed. */
export type Draft = Omit<NewChallenge, "expiresAt">;

/** Draws a code, unless the caller made it, and makes a challenge for it. Costs one hash. */
export async function draftChallenge(
  deps: Deps,
  slot: HashSlot,
  given: {
    readonly plan: ChallengePlan;
    readonly code: CodeOptions;
    readonly words: MessageWords | undefined;
    readonly caller: Caller;
  },
): Promise<Draft> {
  const { plan, caller } = given;
  const { identifier, ...rest } = plan;
  const challengeId = randomId();
  const code = given.code.custom ?? randomDigits(given.code.length ?? caller.policy.codeLength);
  const binding = codeBinding({ challengeId, clientId: caller.client.clientId, purpose: plan.purpose, contact: plan.contact });
  return {
    challengeId,
    poolId: caller.app.poolId,
    appId: caller.app.appId,
    clientId: caller.client.clientId,
    maskedDestination: isContact(identifier) && channelReaches(plan.channel, identifier) ? maskContact(identifier) : "",
    codeLength: code.length,
    codeHash: await slot.hash(code, binding),
    sealedCode: deps.sealer.seal("code", Buffer.from(code), bindingText(binding)),
    attemptsMax: caller.policy.attemptsMax,
    sendsMax: caller.policy.sendsMax,
    ...(given.words !== undefined && { words: given.words }),
    ...rest,
  };
}

/** Returns the values that a challenge's code hash and sealed code are bound to. */
export function codeBinding(challenge: Pick<Challenge, "challengeId" | "clientId" | "purpose" | "contact">): CodeBinding {
  const { challengeId, clientId, purpose, contact } = challenge;
  return { challengeId, purpose, contact: contact === null ? "" : `${contact.kind}:${contact.value}`, clientId };
}
