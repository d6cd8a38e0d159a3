import { afterEach, beforeEach, describe } from "vitest";
import { apps } from "./apps.js";
import { attempts } from "./attempts.js";
import { brakes } from "./brakes.js";
import { budgets } from "./budgets.js";
import { checkedChanges } from "./checked-changes.js";
import { claims } from "./claims.js";
import { clientSecrets } from "./client-secrets.js";
import { clients } from "./clients.js";
import { contactChanges } from "./contact-changes.js";
import { credentials } from "./credentials.js";
import { departures } from "./departures.js";
import { directoryChanges } from "./directory-changes.js";
import { ending } from "./ending.js";
import { failures } from "./failures.js";
import type { Opened, OpenStore, Scene } from "./fixtures.js";
import { fleet } from "./fleet.js";
import { forwards } from "./forwards.js";
import { idempotency } from "./idempotency.js";
import { joins } from "./joins.js";
import { keys } from "./keys.js";
import { liveChallenges } from "./live-challenges.js";
import { lockouts } from "./lockouts.js";
import { memberChanges } from "./member-changes.js";
import { memberContacts } from "./member-contacts.js";
import { memberList } from "./member-list.js";
import { members } from "./members.js";
import { messageRedemptions } from "./message-redemptions.js";
import { messageReports } from "./message-reports.js";
import { messages } from "./messages.js";
import { notMe } from "./not-me.js";
import { outbox } from "./outbox.js";
import { outstanding } from "./outstanding.js";
import { peopleRaces } from "./people-races.js";
import { pools } from "./pools.js";
import { processes } from "./processes.js";
import { redemption } from "./redemption.js";
import { refresh } from "./refresh.js";
import { registrations } from "./registrations.js";
import { rollback } from "./rollback.js";
import { routes } from "./routes.js";
import { sends } from "./sends.js";
import { sessions } from "./sessions.js";
import { siblings } from "./siblings.js";
import { sweep } from "./sweep.js";
import { takeBack } from "./take-back.js";
import { testIdentifiers } from "./test-identifiers.js";
import { users } from "./users.js";
import { withoutMembership } from "./without-membership.js";

/** By concern; every engine has to keep all of them. */
export const concerns: Readonly<Record<string, (scene: Scene) => void>> = {
  budgets,
  brakes,
  sends,
  "live challenges": liveChallenges,
  attempts,
  lockouts,
  "ended challenges": ending,
  "disowned challenges": notMe,
  redemption,
  "a redemption without a membership": withoutMembership,
  siblings,
  registrations,
  "a redemption that fails": rollback,
  idempotency,
  refresh,
  sessions,
  credentials,
  "pools and apps": pools,
  users,
  members,
  "changes of members": memberChanges,
  "contacts of members": memberContacts,
  "lists of members": memberList,
  departures,
  claims,
  "changes of own contacts": contactChanges,
  "contacts that are taken back": takeBack,
  joins,
  "races of people": peopleRaces,
  failures,
  "test identifiers": testIdentifiers,
  outbox,
  messages,
  "reports on messages": messageReports,
  "messages of people and challenges": messageRedemptions,
  "messages for apps": forwards,
  "what is learned about routes": routes,
  apps,
  clients,
  "client secrets": clientSecrets,
  "checked changes": checkedChanges,
  "changes of the directory": directoryChanges,
  keys,
  "processes and current keys": fleet,
  sweep,
  "a restored backup": outstanding,
  processes,
};

/**
 * Runs the contract of the port `Store` against an engine: the given concerns, or all but the races of processes, which have a file of
 * their own (`test/store/processes.test.ts`). `open` gives a new, empty database each time.
 */
export function describeStore(
  name: string,
  open: OpenStore,
  given: readonly string[] = Object.keys(concerns).filter((concern) => concern !== "processes"),
): void {
  describe(`store on ${name}`, () => {
    let opened: Opened;
    beforeEach(async () => {
      opened = await open();
    });
    afterEach(async () => {
      await opened.store.close();
    });
    const scene: Scene = {
      get store() {
        return opened.store;
      },
      get location() {
        return opened.location;
      },
    };
    for (const concern of given) describe(concern, () => concerns[concern]!(scene));
  });
}
