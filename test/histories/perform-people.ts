import { ContactKind, type User, UserState } from "../../src/gen/latchkey/v1/user_pb.js";
import type { MemberState, View } from "./history.js";
import type { Perform } from "./perform.js";
import { publicClientOf } from "./second-app.js";

const states: Readonly<Record<UserState, MemberState | null>> = {
  [UserState.UNSPECIFIED]: null,
  [UserState.ACTIVE]: "active",
  [UserState.INVITED]: "invited",
  [UserState.LOCKED]: "locked",
};

type PeopleKind =
  | "startChange"
  | "proveChange"
  | "create"
  | "invite"
  | "get"
  | "find"
  | "lock"
  | "unlock"
  | "remove"
  | "addContact"
  | "removeContact";

/** Contacts and memberships: calls of users, and of an administrator who may act on both apps. */
export const peoplePerformers: { readonly [K in PeopleKind]: Perform<K> } = {
  async startChange(methods, { session, contact, replaces }, { world }) {
    const { challenge } = await methods.startContactChange({
      contact: { case: "email", value: contact },
      replace: replaces ?? "",
    });
    const { challengeId } = challenge!;
    world.changes.push({ challenge: challengeId, contact, replaces, session });
    return { challenge: challengeId };
  },
  async proveChange(methods, { challenge }, { code }) {
    const { user } = await methods.verifyOtp({ challengeId: challenge, code: code! });
    return { user: user!.userId, verified: contactsOf(user!).verified };
  },
  async create(methods, { app, contact, verified }, { world }) {
    const { user, created } = await methods.createUser({
      appId: app,
      email: contact,
      verified: verified ? [ContactKind.EMAIL] : [],
    });
    world.addMember({ app, user: user!.userId });
    return { ...viewOf(user), created };
  },
  async invite(methods, { app, contact }, { world }) {
    const clientId = publicClientOf(app);
    const { user, created, challenge } = await methods.inviteUser({ appId: app, email: contact, clientId });
    const { challengeId } = challenge!;
    world.addMember({ app, user: user!.userId });
    world.addChallenge({ challenge: challengeId, identifier: contact, purpose: "login", app });
    return { ...viewOf(user), created, challenge: challengeId };
  },
  get: async (methods, { app, user }) =>
    viewOf((await methods.getUser({ appId: app, key: { case: "userId", value: user } })).user),
  find: async (methods, { app, contact }) =>
    viewOf((await methods.getUser({ appId: app, key: { case: "email", value: contact } })).user),
  lock: async (methods, { app, user }) => viewOf((await methods.lockUser({ appId: app, userId: user })).user),
  unlock: async (methods, { app, user }) => viewOf((await methods.unlockUser({ appId: app, userId: user })).user),
  async remove(methods, { app, user }) {
    const { erased } = await methods.deleteUser({ appId: app, userId: user });
    return { erased };
  },
  async addContact(methods, { app, user, contact, verified }) {
    const request = { appId: app, userId: user, contact: { case: "email" as const, value: contact }, verified };
    return viewOf((await methods.addContact(request)).user);
  },
  async removeContact(methods, { app, user, contact }) {
    const request = { appId: app, userId: user, contact: { case: "email" as const, value: contact } };
    return viewOf((await methods.removeContact(request)).user);
  },
};

function viewOf(user: User | undefined): View {
  const state = states[user!.state];
  if (state === null) throw new Error(`the user ${user!.userId} has no state`);
  return { user: user!.userId, state, ...contactsOf(user!) };
}

function contactsOf({ contacts }: User): Pick<View, "verified" | "claimed"> {
  const values = (verified: boolean) =>
    contacts.filter(({ verifiedAt }) => (verifiedAt !== undefined) === verified).map(({ value }) => value);
  return { verified: values(true), claimed: values(false) };
}
