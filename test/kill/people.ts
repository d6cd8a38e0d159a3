import type { Callable } from "../histories/calling.js";
import type { Call } from "../histories/history.js";
import { createRecorder, type Recorder } from "../histories/recorder.js";
import { createWorld, type World } from "../histories/world.js";

/** Somebody with an address of their own, whose calls are a history of their own. */
export interface Person {
  readonly email: string;
  readonly world: World;
  readonly recorder: Recorder;
  /** Codes that were mailed, each once. */
  readonly mailed: string[];
  /** Codes by challenge. */
  readonly codes: Map<string, string>;
  /** A caller acts for this person, or waits to repeat what got no answer. */
  busy: boolean;
  /** Something was asked since the answers were last checked. */
  touched: boolean;
}

/** Everybody in a run, with what their mail server received. */
export interface People {
  readonly all: Person[];
  readonly mails: { readonly to: string; readonly code: string }[];
  /** How often each message was being sent when a server died: so many copies more there may be, by challenge and message. */
  readonly brokenSends: Map<string, Map<string, number>>;
  /** What callers saw that must never be. */
  readonly violations: string[];
  add(): Person;
  /** Notes a mail. One to an unknown address, or with a code of no challenge, shows in `checkMails`. */
  receiveMail(to: string, code: string): void;
}

/** `serverOf` gives the server that is called, by its number. */
export function createPeople(serverOf: (process: number) => Callable): People {
  const byEmail = new Map<string, Person>();
  const people: People = { all: [], mails: [], brokenSends: new Map(), violations: [], add, receiveMail };

  function add(): Person {
    const world = createWorld(`kill-${process.pid}`, 1);
    const [email] = world.identifiers;
    const recorder = createRecorder(world, serverOf);
    const person: Person = { email: email!, world, recorder, mailed: [], codes: new Map(), busy: false, touched: false };
    people.all.push(person);
    byEmail.set(person.email, person);
    return person;
  }

  function receiveMail(to: string, code: string): void {
    people.mails.push({ to, code });
    const person = byEmail.get(to);
    if (person === undefined || person.mailed.includes(code)) return;
    person.mailed.push(code);
    assignCodes(person);
  }
  return people;
}

/** A person has one challenge without a code at most, so a new code is that one's. */
export function assignCodes({ world, mailed, codes, recorder }: Person): void {
  if (hasLostSend(recorder.calls)) return;
  const free = mailed.find((code) => ![...codes.values()].includes(code));
  const waiting = world.challenges.find(({ challenge }) => !codes.has(challenge));
  if (free !== undefined && waiting !== undefined) codes.set(waiting.challenge, free);
}

/** A send without idempotency key got no answer: which challenges there are will never be known. */
export function hasLostSend(calls: readonly Call[]): boolean {
  return calls.some(({ kind, action, answer }) => kind === "send" && action.key === null && answer.kind === "unknown");
}
