import type { Caller } from "../model/caller.js";
import { channelReaches, isContact } from "../model/identifier.js";
import { type TestIdentifier, testIdentifierOf } from "../model/test-identifier.js";
import type { EpochMs } from "../model/time.js";
import type { Recipient } from "../store/port/challenges.js";
import type { TestHolder } from "../store/port/users.js";
import type { Deps } from "./deps.js";
import type { Destination, Wanted } from "./new-challenge.js";

/** What test identifiers mean for one of the challenges of a call. */
export interface TestPlan {
  /** The test identifier that the request names. Null: none. */
  readonly identifier: TestIdentifier | null;
  /** Whom its code signs in. */
  readonly holder: TestHolder;
  /** Whether all challenges of the call are for test identifiers. */
  readonly isWhole: boolean;
  readonly now: EpochMs;
}

/**
 * Plans the challenges of a call, in their order. Returns null if the app has no test identifiers. Asks the store only for challenges
 * that name one.
 */
export async function planTests(
  deps: Deps,
  { app }: Caller,
  { wanted, now }: { readonly wanted: readonly Wanted[]; readonly now: EpochMs },
): Promise<readonly TestPlan[] | null> {
  const { testIdentifiers, poolId, appId } = app;
  if (testIdentifiers.length === 0) return null;
  const found = wanted.map(({ identifier }) =>
    isContact(identifier) ? testIdentifierOf(testIdentifiers, identifier, now) : null,
  );
  const isWhole = found.every((identifier) => identifier !== null);
  return await Promise.all(
    wanted.map(async ({ identifier: contact }, index) => {
      const identifier = found[index]!;
      const isTest = identifier !== null && isContact(contact);
      const holder = isTest ? await deps.store.users.findTestHolder({ poolId, appId, contact }) : ({ kind: "none" } as const);
      return { identifier, holder, isWhole, now };
    }),
  );
}

/**
 * Returns the destination of a challenge that may be a test. Many people know the code of a test identifier, so it signs in and
 * registers test accounts alone: every other challenge that names a test identifier, or whose code would go to one, is a decoy.
 *
 * @param destinationOf As without test identifiers.
 */
export function testDestination(
  { app }: Caller,
  given: {
    readonly one: Wanted;
    readonly plan: TestPlan;
    readonly recipient: Recipient | null;
    readonly destinationOf: (one: Wanted, recipient: Recipient | null) => Destination;
  },
): Destination {
  const { one, plan, recipient, destinationOf } = given;
  const { identifier, holder, isWhole, now } = plan;
  const decoy = { ...destinationOf(one, null), decoy: true, isUnknown: false };
  if (identifier === null) {
    const destination = destinationOf(one, recipient);
    const isCovered = testIdentifierOf(app.testIdentifiers, destination.contact, now) !== null;
    return isCovered ? decoy : destination;
  }
  const isRedeemable = one.purpose === "login" || (one.purpose === "registration" && isWhole);
  if (!isRedeemable || holder.kind === "real" || !channelReaches(one.channel, one.identifier)) {
    return decoy;
  }
  return destinationOf(one, holder.kind === "test" ? recipientOf(one, holder) : null);
}

/** A test account, as SendOtp sees the person that an identifier names. */
function recipientOf({ identifier }: Wanted, { userId, locale, state }: TestHolder & { readonly kind: "test" }): Recipient {
  const standing = state === "active" ? "member" : "locked";
  return { userId, locale, contact: isContact(identifier) ? identifier : null, standing };
}
