import { attemptsMax, type Challenge, type Ledger, type Range, type Session, sendsMax, type User } from "./ledger.js";
import type { Snapshot } from "./snapshot.js";

/** What in the database contradicts what callers were told, a sentence each. `before` is what it held after the last crash. */
export function checkSnapshot(ledger: Ledger, now: Snapshot, before: Snapshot | null): string[] {
  return [
    ...(now.integrity === "ok" ? [] : [`integrity check: ${now.integrity}`]),
    ...checkWhole(now),
    ...checkProgress(now, before),
    ...ledger.users.flatMap((user) => checkUser(user, now)),
  ];
}

/** Nothing half-written: what refers to something finds it. */
function checkWhole({ users, contacts, sessions, challenges, outbox }: Snapshot): string[] {
  const violations: string[] = [];
  for (const [value, userId] of contacts) if (!users.has(userId)) violations.push(`contact ${value} of no user`);
  for (const [id, { userId }] of sessions) if (!users.has(userId)) violations.push(`session ${id} of no user`);
  for (const { challengeId } of outbox)
    if (!challenges.has(challengeId)) violations.push(`message of no challenge ${challengeId}`);
  const reachable = new Set(contacts.values());
  for (const userId of users) if (!reachable.has(userId)) violations.push(`user ${userId} without contact`);
  return violations;
}

/** What only grows has not shrunk. */
function checkProgress(now: Snapshot, before: Snapshot | null): string[] {
  const violations: string[] = [];
  for (const [id, was] of before?.challenges ?? []) {
    const is = now.challenges.get(id);
    if (is === undefined) violations.push(`challenge ${id} is gone`);
    else if (is.attempts < was.attempts)
      violations.push(`challenge ${id}: attempts fell from ${was.attempts} to ${is.attempts}`);
    else if (is.sends < was.sends) violations.push(`challenge ${id}: sends fell from ${was.sends} to ${is.sends}`);
    else if (was.consumed && !is.consumed) violations.push(`challenge ${id} is not consumed any more`);
  }
  const bought = new Map<string, string | null>();
  for (const { challengeId, sessionId } of now.redemptions) {
    const other = bought.get(challengeId);
    if (other !== undefined && other !== sessionId) violations.push(`challenge ${challengeId} bought two sessions`);
    bought.set(challengeId, sessionId);
  }
  for (const [id, { attempts, sends, consumed, hasSealedCode }] of now.challenges) {
    if (attempts > attemptsMax) violations.push(`challenge ${id}: ${attempts} attempts`);
    if (sends > sendsMax) violations.push(`challenge ${id}: ${sends} sends`);
    if (consumed && hasSealedCode) violations.push(`challenge ${id} is consumed and its sealed code still there`);
  }
  return violations;
}

function checkUser(user: User, now: Snapshot): string[] {
  const { userId, email, deleted } = user;
  const violations = [
    ...user.challenges.flatMap((challenge) => checkChallenge(challenge, now)),
    ...user.sessions.flatMap((session) => checkSession(session, user, now)),
  ];
  if (userId !== null && deleted) {
    if (now.users.has(userId)) violations.push(`${email}: deleted, and the user is there`);
    if (now.contacts.get(email) === userId) violations.push(`${email}: deleted, and the contact is there`);
  }
  if (userId !== null && !deleted && !user.busy) {
    if (!now.users.has(userId)) violations.push(`${email}: the user is lost`);
    if (now.contacts.get(email) !== userId) violations.push(`${email}: the contact is lost`);
    const stored = [...now.sessions.values()].filter((session) => session.userId === userId).length;
    const known = user.sessions.filter(({ state }) => state !== "ended").length + user.lostSessions;
    if (stored > known) violations.push(`${email}: ${stored} sessions, of which callers know ${known}`);
  }
  return violations;
}

function checkChallenge({ challengeId, ...known }: Challenge, now: Snapshot): string[] {
  const stored = now.challenges.get(challengeId);
  const name = `challenge ${challengeId}`;
  if (stored === undefined) return [`${name} was promised and is not stored`];
  const violations: string[] = [];
  const { attempts, sends, sessionIds, state } = known;
  if (!within(stored.attempts, attempts)) violations.push(`${name}: ${stored.attempts} attempts, not ${text(attempts)}`);
  if (!within(stored.sends, sends)) violations.push(`${name}: ${stored.sends} sends, not ${text(sends)}`);
  if (sessionIds.size > 1) violations.push(`${name} bought ${sessionIds.size} sessions`);
  if (state === "redeemed" && !stored.consumed) violations.push(`${name} was redeemed and is not consumed`);
  const remembered = now.redemptions.find((one) => one.challengeId === challengeId)?.sessionId;
  if (remembered && sessionIds.size > 0 && !sessionIds.has(remembered)) violations.push(`${name} remembers another session`);
  return violations;
}

function checkSession({ sessionId, state, generation }: Session, user: User, now: Snapshot): string[] {
  const stored = now.sessions.get(sessionId);
  if (state === "ended") return stored === undefined ? [] : [`session ${sessionId} was revoked and is there`];
  if (state === "unknown" || user.deleted) return [];
  if (stored === undefined) return [`session ${sessionId} is lost`];
  if (!within(stored.generation, generation)) {
    return [`session ${sessionId}: generation ${stored.generation}, not ${text(generation)}`];
  }
  return [];
}

/** What a crash left, once it was checked, ends the doubt about guesses whose answers were lost. */
export function adoptAttempts({ users }: Ledger, { challenges }: Snapshot): void {
  for (const challenge of users.flatMap((user) => user.challenges)) {
    const stored = challenges.get(challenge.challengeId);
    if (stored === undefined) continue;
    Object.assign(challenge.attempts, { min: stored.attempts, max: stored.attempts });
    if (challenge.state === "open" && !stored.consumed && stored.attempts === attemptsMax) challenge.state = "dead";
  }
}

/** Notes the messages that a crash left: every try may have reached the mail server without anybody knowing. */
export function noteBrokenSends({ brokenSends }: Ledger, { outbox, challenges }: Snapshot): void {
  for (const { outboxId, challengeId, tries } of outbox) {
    // Numbers of messages come again once the outbox was empty; then the challenge has another send.
    const message = `${outboxId} of send ${challenges.get(challengeId)?.sends}`;
    const broken = brokenSends.get(challengeId) ?? new Map<string, number>();
    brokenSends.set(challengeId, broken);
    if (tries > 0) broken.set(message, tries);
  }
}

/** What is wrong with the mails that were received, once the outbox is empty. */
export function checkMails(ledger: Ledger, now: Snapshot): string[] {
  const violations: string[] = [];
  const storedPerContact = new Map<string, number>();
  for (const { contact } of now.challenges.values()) {
    if (contact !== null) storedPerContact.set(contact, (storedPerContact.get(contact) ?? 0) + 1);
  }
  for (const { to } of ledger.mails) if (!storedPerContact.has(to)) violations.push(`mail to ${to}, who has no challenge`);
  for (const user of ledger.users) {
    const stored = storedPerContact.get(user.email) ?? 0;
    if (user.codes.length > stored) violations.push(`${user.email}: ${user.codes.length} codes for ${stored} challenges`);
    if (!user.abandoned) violations.push(...user.challenges.flatMap((challenge) => checkCopies(ledger, user, challenge)));
  }
  return violations;
}

function checkCopies(ledger: Ledger, user: User, { challengeId, code, sends, state }: Challenge): string[] {
  const copies = ledger.mails.filter((mail) => mail.to === user.email && mail.code === code).length;
  const least = state === "open" ? sends.min : 1;
  const broken = [...(ledger.brokenSends.get(challengeId)?.values() ?? [])];
  const most = broken.reduce((sum, tries) => sum + tries, sends.max);
  const name = `challenge ${challengeId} to ${user.email}`;
  if (copies < least) return [`${name}: mailed ${copies} times, promised ${least}`];
  return copies > most ? [`${name}: mailed ${copies} times, at most ${most} can be explained`] : [];
}

function within(value: number, { min, max }: Range): boolean {
  return value >= min && value <= max;
}

function text({ min, max }: Range): string {
  return min === max ? String(min) : `${min} to ${max}`;
}
