import type { Database } from "better-sqlite3";
import type { ChallengeRefusal } from "../../model/challenge.js";
import { refusalOf } from "../../model/challenge-state.js";
import type { Contact, ContactKind } from "../../model/contact.js";
import type { EpochMs } from "../../model/time.js";
import type { BudgetReturn, SendReturn } from "../port/budgets.js";
import type { RedeemOutcome, Redemption } from "../port/challenges.js";
import type { Store } from "../port/store.js";
import type { Budgets } from "./budgets.js";
import type { Idempotency } from "./idempotency.js";
import { type ChallengeRow, challengeColumns, chargedSends, contactOf, isLiveChallenge, lifeOf, toChallenge } from "./rows.js";
import type { Sessions } from "./sessions.js";
import type { Users } from "./users.js";
import type { Writer } from "./writer.js";

type Change = Parameters<Store["challenges"]["redeem"]>[0];
type Refused = Extract<RedeemOutcome, { kind: "refused" }>;
type Operations = Pick<Store["challenges"], "redeem" | "findRedemption">;

interface SourceRow {
  challenge_id: string;
  contact_kind: ContactKind;
  contact_value: string;
  consumed_at: EpochMs | null;
}

/** What redeeming looks at: without the hash, half of the reading is saved. */
const consumableColumns = [
  "challenge_id",
  "client_id",
  "purpose",
  "identifier_key",
  "requester_key",
  "contact_kind",
  "contact_value",
  "user_id",
  "decoy",
  "registration_id",
  "resends",
  "created_at",
  "expires_at",
  "consumed_at",
  "cancelled_at",
] as const;
type ConsumableRow = Pick<ChallengeRow, (typeof consumableColumns)[number]>;

/** Whom a proven contact signs in; or that it signs in nobody, or nobody yet. */
type Claimant =
  | { readonly kind: "proven" }
  | { readonly kind: "existing"; readonly userId: string }
  | { readonly kind: "new"; readonly contacts: readonly Contact[] }
  | { readonly kind: "pending"; readonly pendingSources: readonly ContactKind[] };

export function createRedemption(
  db: Database,
  parts: { writer: Writer; budgets: Budgets; idempotency: Idempotency; users: Users; sessions: Sessions },
): Operations {
  const { writer, budgets, idempotency, users, sessions } = parts;
  const select = db.prepare<[string], ChallengeRow>(`SELECT ${challengeColumns} FROM challenges c WHERE c.challenge_id = ?`);
  const toConsume = db.prepare<[string], ConsumableRow>(
    `SELECT ${consumableColumns.join(", ")} FROM challenges WHERE challenge_id = ?`,
  );
  const consume = db.prepare<[EpochMs, string]>(
    "UPDATE challenges SET consumed_at = ?, sealed_code = NULL WHERE challenge_id = ? AND consumed_at IS NULL",
  );
  // Another requester's sibling still looks live. Otherwise its holder would see that, and when, the owner signed in.
  const endChallenges = `UPDATE challenges AS c SET sealed_code = NULL, decoy = 1,
      cancelled_at = CASE WHEN c.requester_key = @requesterKey THEN @now END
    WHERE ${isLiveChallenge}`;
  const endProofs = db.prepare<{ now: EpochMs; requesterKey: Uint8Array; identifierKey: Uint8Array }>(
    `${endChallenges} AND c.identifier_key = @identifierKey AND c.purpose = 'verify_contact'`,
  );
  const endSignIns = db.prepare<{ now: EpochMs; requesterKey: Uint8Array; userId: string }>(`
    ${endChallenges} AND c.purpose <> 'verify_contact' AND c.rowid IN (
      SELECT s.rowid FROM contacts o CROSS JOIN challenges s ON s.contact_kind = o.kind AND s.contact_value = o.value
      WHERE o.user_id = @userId)`);
  const cancelRegistration = db.prepare<[EpochMs, string]>(`
    UPDATE challenges SET cancelled_at = ?, sealed_code = NULL
    WHERE registration_id = ? AND consumed_at IS NULL AND cancelled_at IS NULL`);
  const sources = db.prepare<[string], SourceRow>(
    "SELECT challenge_id, contact_kind, contact_value, consumed_at FROM challenges WHERE registration_id = ? ORDER BY contact_kind",
  );
  const deleteRegistration = db.prepare<[string]>("DELETE FROM registrations WHERE registration_id = ?");
  const registrationLives = db.prepare<[string]>("SELECT 1 FROM registrations WHERE registration_id = ?");

  function claimantOf(row: ConsumableRow, contact: Contact): Claimant | Refused {
    if (row.purpose === "verify_contact") return { kind: "proven" };
    const contactUserId = users.ownerOf(contact);
    if (row.purpose === "login") {
      if (row.user_id !== null)
        return row.user_id === contactUserId ? { kind: "existing", userId: contactUserId } : refused("user_gone");
      return contactUserId === null ? { kind: "new", contacts: [contact] } : { kind: "existing", userId: contactUserId };
    }
    if (contactUserId !== null) return { kind: "existing", userId: contactUserId };
    if (row.registration_id === null || registrationLives.get(row.registration_id) === undefined) return refused("cancelled");
    const all = sources.all(row.registration_id);
    const others = all.filter((source) => source.challenge_id !== row.challenge_id);
    const pendingSources = others.filter((source) => source.consumed_at === null).map((source) => source.contact_kind);
    if (pendingSources.length > 0) return { kind: "pending", pendingSources };
    const contacts = all.map((source) => ({ kind: source.contact_kind, value: source.contact_value }));
    return { kind: "new", contacts: contacts.filter((one) => users.ownerOf(one) === null) };
  }

  function signIn(change: Change, claimant: Extract<Claimant, { kind: "existing" | "new" }>): Redemption {
    const { newUser, newSession, sessionsMax, now } = change;
    let usernameTaken = false;
    let userId: string;
    if (claimant.kind === "new") {
      userId = newUser.userId;
      usernameTaken = newUser.username !== null && users.usernameTaken(newUser.username);
      users.create(usernameTaken ? { ...newUser, username: null } : newUser, claimant.contacts, now);
    } else {
      userId = claimant.userId;
    }
    const session = sessions.create(newSession, { userId, sessionsMax, now });
    return { kind: "signed_in", session, user: users.find(userId)!, isNewUser: claimant.kind === "new", usernameTaken };
  }

  function redeem(change: Change): RedeemOutcome {
    const { challengeId, now } = change;
    const row = toConsume.get(challengeId);
    if (row === undefined) return refused("unknown");
    const why = refusalOf(lifeOf(row), row.client_id, now);
    if (why !== null) return refused(why);
    const contact = contactOf(row);
    if (row.decoy === 1 || contact === null) return refused("decoy");
    const claimant = claimantOf(row, contact);
    if (claimant.kind === "refused") return claimant;
    consume.run(now, challengeId);
    const redemption = fulfil(change, row, claimant);
    endSiblings(row, redemption, now);
    budgets.giveBack([...change.returns, ...returnsOfSends(row, change.sendReturns)], now);
    idempotency.remember(
      change.idempotency,
      {
        kind: "redeemed",
        challengeId,
        sessionId: redemption.kind === "signed_in" ? redemption.session.sessionId : null,
        isNewUser: redemption.kind === "signed_in" && redemption.isNewUser,
        usernameTaken: redemption.kind === "signed_in" && redemption.usernameTaken,
        pendingSources: redemption.kind === "pending" ? redemption.pendingSources : [],
      },
      row.expires_at,
    );
    return { kind: "redeemed", redemption };
  }

  /** A registration that still waits for another source ends no others: otherwise two of them could cancel each other. */
  function endSiblings(row: ConsumableRow, redemption: Redemption, now: EpochMs): void {
    const { identifier_key: identifierKey, requester_key: requesterKey } = row;
    if (redemption.kind === "proven") endProofs.run({ now, requesterKey, identifierKey });
    if (redemption.kind === "signed_in") endSignIns.run({ now, requesterKey, userId: redemption.user.userId });
  }

  function fulfil(change: Change, row: ConsumableRow, claimant: Claimant): Redemption {
    if (claimant.kind === "proven" || claimant.kind === "pending") return claimant;
    if (row.registration_id !== null) {
      cancelRegistration.run(change.now, row.registration_id);
      deleteRegistration.run(row.registration_id);
    }
    return signIn(change, claimant);
  }

  return {
    redeem: (change) => writer.write(() => redeem(change)),

    findRedemption({ idempotency: mac, now }) {
      return writer.readTogether(() => {
        const outcome = idempotency.find(mac, now);
        if (outcome?.kind !== "redeemed") return null;
        const row = select.get(outcome.challengeId);
        if (row === undefined || row.expires_at <= now) return null;
        const challenge = toChallenge(row);
        if (outcome.pendingSources.length > 0) {
          return { challenge, redemption: { kind: "pending", pendingSources: outcome.pendingSources } };
        }
        if (outcome.sessionId === null) return { challenge, redemption: { kind: "proven" } };
        const session = sessions.find(outcome.sessionId, now);
        const user = session === null ? null : users.find(session.userId);
        if (session === null || user === null || session.generation > 0) return null;
        const { isNewUser, usernameTaken } = outcome;
        return { challenge, redemption: { kind: "signed_in", session, user, isNewUser, usernameTaken } };
      });
    },
  };
}

function returnsOfSends(row: ConsumableRow, rules: readonly SendReturn[]): BudgetReturn[] {
  return chargedSends(row).flatMap(({ at, requesterKey }) =>
    rules.map(({ keyPrefix, ofRequester, holdMs }) => ({
      key: Buffer.concat([keyPrefix, row.identifier_key, ...(ofRequester ? [requesterKey] : [])]),
      spentAt: at,
      ...(holdMs === undefined ? {} : { holdUntil: at + holdMs }),
    })),
  );
}

function refused(why: ChallengeRefusal): Refused {
  return { kind: "refused", why };
}
