import type { App, Change, MemberName, Purpose } from "./history.js";

/** A challenge that a worker was told of. */
export interface KnownChallenge {
  readonly challenge: string;
  readonly identifier: string;
  readonly purpose: Purpose;
  readonly app: App;
}

/** A contact change that a worker was told of. */
export interface KnownChange extends Change {
  readonly challenge: string;
  /** The session that asked for it. */
  readonly session: string;
}

/** A session with all the tokens that workers were given. */
export interface KnownSession {
  readonly session: string;
  readonly app: App;
  readonly access: string[];
  /** By generation. A generation may be missing: its answer was lost. */
  readonly refresh: Map<number, string>;
}

/** What the workers of a history know, all together. */
export interface World {
  readonly identifiers: readonly string[];
  readonly challenges: KnownChallenge[];
  readonly sessions: KnownSession[];
  readonly changes: KnownChange[];
  readonly members: MemberName[];
  /** The app of every challenge. */
  readonly apps: ReadonlyMap<string, App>;
  addChallenge(challenge: KnownChallenge): void;
  addMember(member: MemberName): void;
  /** `app` is that of a session that is not known yet. */
  addTokens(session: string, tokens: { readonly accessToken: string; readonly refreshToken: string }, app?: App): void;
  /** An idempotency key of this history. */
  keyOf(about: string, slot: number | null): string | null;
}

let histories = 0;

/** A world of its own for each history, so that those before it can't be felt. `run` tells runs on one database apart. */
export function createWorld(run: string, identifiers: number): World {
  histories += 1;
  const name = `${run}-${histories}`;
  const challenges: KnownChallenge[] = [];
  const sessions: KnownSession[] = [];
  const members: MemberName[] = [];
  const apps = new Map<string, App>();
  return {
    identifiers: Array.from({ length: identifiers }, (_, n) => `${name}-${n}@example.com`),
    challenges,
    sessions,
    changes: [],
    members,
    apps,
    addChallenge(one) {
      apps.set(one.challenge, one.app);
      if (challenges.every(({ challenge }) => challenge !== one.challenge)) challenges.push(one);
    },
    addMember({ app, user }) {
      if (members.every((one) => one.app !== app || one.user !== user)) members.push({ app, user });
    },
    addTokens(session, { accessToken, refreshToken }, app = "default") {
      let known = sessions.find((one) => one.session === session);
      if (known === undefined) {
        known = { session, app, access: [], refresh: new Map() };
        sessions.push(known);
      }
      known.access.push(accessToken);
      known.refresh.set(generationOf(refreshToken), refreshToken);
    },
    keyOf: (about, slot) => (slot === null ? null : `key-${name}-${about}-${slot}`.padEnd(16, ".")),
  };
}

export function generationOf(refreshToken: string): number {
  return Number(refreshToken.split(".")[3]);
}
