import { check, invariantNames } from "../histories/check.js";
import { limitsOf } from "../histories/profiles.js";
import { cooldownMs } from "./load.js";
import { hasLostSend, type People, type Person } from "./people.js";
import type { Snapshot } from "./snapshot.js";
import {
  attemptsMax,
  isDeleted,
  lostSessions,
  mayBeDeleted,
  type Range,
  sendsMax,
  toldOfChallenge,
  toldOfSession,
  toldUser,
} from "./told.js";

const limits = limitsOf({ cooldownMs, graceMs: 10_000 });

/** What of the answers since the last look contradicts an invariant of the histories, a sentence each. */
export function checkAnswers({ all }: People): string[] {
  return all.flatMap((person) => {
    if (!person.touched) return [];
    person.touched = false;
    const history = { calls: person.recorder.calls, mismatches: new Map<string, number>(), limits };
    return check(history, invariantNames, () => {}).map(({ invariant, what }) => `${invariant}: ${person.email}: ${what}`);
  });
}

/** What in the database contradicts what callers were told, a sentence each. `before` is what it held after the last crash. */
export function checkSnapshot({ all }: Pick<People, "all">, now: Snapshot, before: Snapshot | null): string[] {
  return [
    ...(now.integrity === "ok" ? [] : [`integrity check: ${now.integrity}`]),
    ...checkWhole(now),
    ...now.misplaced,
    ...checkProgress(now, before),
    ...all.flatMap((person) => checkPerson(person, now)),
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

function checkPerson(person: Person, now: Snapshot): string[] {
  const { email, world, recorder } = person;
  const { calls } = recorder;
  const userId = toldUser(calls);
  const violations = [
    ...world.challenges.flatMap(({ challenge }) => checkChallenge(person, challenge, now)),
    ...world.sessions.flatMap(({ session }) => checkSession(person, session, now)),
  ];
  if (userId !== null && isDeleted(calls)) {
    if (now.users.has(userId)) violations.push(`${email}: deleted, and the user is there`);
    if (now.contacts.get(email) === userId) violations.push(`${email}: deleted, and the contact is there`);
  }
  if (userId !== null && !mayBeDeleted(calls) && !person.busy) {
    if (!now.users.has(userId)) violations.push(`${email}: the user is lost`);
    if (now.contacts.get(email) !== userId) violations.push(`${email}: the contact is lost`);
    const stored = [...now.sessions.values()].filter((session) => session.userId === userId).length;
    const known = world.sessions.filter(({ session }) => toldOfSession(calls, session).state !== "ended").length;
    if (stored > known + lostSessions(calls)) violations.push(`${email}: ${stored} sessions, of which callers know ${known}`);
  }
  return violations;
}

function checkChallenge({ recorder }: Person, challenge: string, now: Snapshot): string[] {
  const stored = now.challenges.get(challenge);
  const name = `challenge ${challenge}`;
  if (stored === undefined) return [`${name} was promised and is not stored`];
  const violations: string[] = [];
  const { attempts, sends, sessions, state } = toldOfChallenge(recorder.calls, challenge);
  if (!within(stored.attempts, attempts)) violations.push(`${name}: ${stored.attempts} attempts, not ${text(attempts)}`);
  if (!within(stored.sends, sends)) violations.push(`${name}: ${stored.sends} sends, not ${text(sends)}`);
  if (state === "redeemed" && !stored.consumed) violations.push(`${name} was redeemed and is not consumed`);
  const remembered = now.redemptions.find(({ challengeId }) => challengeId === challenge)?.sessionId;
  if (remembered && sessions.size > 0 && !sessions.has(remembered)) violations.push(`${name} remembers another session`);
  return violations;
}

function checkSession({ recorder }: Person, session: string, now: Snapshot): string[] {
  const stored = now.sessions.get(session);
  const { state, generation } = toldOfSession(recorder.calls, session);
  if (state === "ended") return stored === undefined ? [] : [`session ${session} was revoked and is there`];
  if (state === "unknown") return [];
  if (stored === undefined) return [`session ${session} is lost`];
  if (within(stored.generation, generation)) return [];
  return [`session ${session}: generation ${stored.generation}, not ${text(generation)}`];
}

/** Notes the messages that a crash left: every try may have reached the mail server without anybody knowing. */
export function noteBrokenSends({ brokenSends }: Pick<People, "brokenSends">, { outbox, challenges }: Snapshot): void {
  for (const { outboxId, challengeId, tries } of outbox) {
    // Numbers of messages come again once the outbox was empty; then the challenge has another send.
    const message = `${outboxId} of send ${challenges.get(challengeId)?.sends}`;
    const broken = brokenSends.get(challengeId) ?? new Map<string, number>();
    brokenSends.set(challengeId, broken);
    if (tries > 0) broken.set(message, tries);
  }
}

type Mailed = Pick<People, "all" | "mails" | "brokenSends">;

/**
 * What is wrong with the mails that were received, once the outbox is empty. An erasure takes the contact off the user's challenges,
 * so for a user who may be deleted those that callers know count, and nothing can be said if callers do not know all.
 */
export function checkMails(people: Mailed, now: Snapshot): string[] {
  const violations: string[] = [];
  const storedPerContact = new Map<string, number>();
  for (const { contact } of now.challenges.values()) {
    if (contact !== null) storedPerContact.set(contact, (storedPerContact.get(contact) ?? 0) + 1);
  }
  const unknown = new Set<string>();
  for (const { email, recorder, world } of people.all) {
    if (!mayBeDeleted(recorder.calls)) continue;
    if (hasLostSend(recorder.calls)) unknown.add(email);
    const erased = world.challenges.filter(({ challenge }) => now.challenges.get(challenge)?.contact === null).length;
    if (erased > 0) storedPerContact.set(email, (storedPerContact.get(email) ?? 0) + erased);
  }
  for (const { to } of people.mails) {
    if (!storedPerContact.has(to) && !unknown.has(to)) violations.push(`mail to ${to}, who has no challenge`);
  }
  for (const person of people.all) {
    const stored = storedPerContact.get(person.email) ?? 0;
    if (person.mailed.length > stored && !unknown.has(person.email))
      violations.push(`${person.email}: ${person.mailed.length} codes for ${stored} challenges`);
    if (hasLostSend(person.recorder.calls)) continue;
    violations.push(...person.world.challenges.flatMap(({ challenge }) => checkCopies(people, person, challenge)));
  }
  return violations;
}

function checkCopies({ mails, brokenSends }: Mailed, person: Person, challenge: string): string[] {
  const { sends, state } = toldOfChallenge(person.recorder.calls, challenge);
  const code = person.codes.get(challenge);
  const copies = mails.filter((mail) => mail.to === person.email && mail.code === code).length;
  const least = state === "open" ? sends.min : 1;
  const most = [...(brokenSends.get(challenge)?.values() ?? [])].reduce((sum, tries) => sum + tries, sends.max);
  const name = `challenge ${challenge} to ${person.email}`;
  if (copies < least) return [`${name}: mailed ${copies} times, promised ${least}`];
  return copies > most ? [`${name}: mailed ${copies} times, at most ${most} can be explained`] : [];
}

function within(value: number, { min, max }: Range): boolean {
  return value >= min && value <= max;
}

function text({ min, max }: Range): string {
  return min === max ? String(min) : `${min} to ${max}`;
}
