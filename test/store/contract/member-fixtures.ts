import { expect } from "vitest";
import type { Channel } from "../../../src/model/channel.js";
import type { Contact } from "../../../src/model/contact.js";
import type { Identifier } from "../../../src/model/identifier.js";
import type { Member, MemberKey, NewMembership, NewUser, UserContact } from "../../../src/model/user.js";
import type { CreateOutcome, NewMember } from "../../../src/store/port/users.js";
import { appId, email, expectKind, newMembership, newUser, poolId, type Scene, t0 } from "./fixtures.js";

export interface MemberChanges {
  readonly user?: Partial<NewUser>;
  readonly number?: number;
  readonly contacts?: readonly UserContact[];
  readonly membership?: Partial<NewMembership>;
}

export interface Place {
  readonly poolId?: string;
  readonly appId?: string;
}

/** Another app of the pool `main`, and one of another pool. */
export const shop = { poolId: "main", appId: "shop" } as const;
export const bank = { poolId: "bank", appId: "bank" } as const;

export function verified(contact: Contact, verifiedAt = t0): UserContact {
  return { ...contact, verifiedAt };
}

export function claimed(contact: Contact): UserContact {
  return { ...contact, verifiedAt: null };
}

/** By default a person with one verified address. */
export function newMember({ user, number, contacts, membership }: MemberChanges = {}): NewMember {
  return {
    user: { ...newUser(user), number: number ?? null },
    contacts: contacts ?? [verified(email())],
    membership: newMembership(membership),
  };
}

/** Reads and writes of members. */
export interface MemberScene {
  create(members: readonly NewMember[], place?: Place): Promise<readonly CreateOutcome[]>;
  /** Creates or joins one member. */
  add(changes?: MemberChanges, place?: Place): Promise<Member>;
  find(key: MemberKey, place?: Place): ReturnType<Scene["store"]["users"]["find"]>;
  /** The member with this id. Fails if there is none. */
  member(userId: string, place?: Place): Promise<Member>;
  recipient(
    identifier: Identifier,
    place?: Place & { readonly trustClaims?: boolean; readonly channel?: Channel },
  ): Promise<{
    readonly userId: string;
    readonly contact: Contact | null;
    readonly standing: string;
  } | null>;
}

export function membersOf(scene: Scene): MemberScene {
  const here = { poolId, appId };
  const create: MemberScene["create"] = (members, place) => scene.store.users.create({ ...here, ...place, members, now: t0 });
  const find: MemberScene["find"] = (key, place) => scene.store.users.find({ ...here, ...place, key });
  return {
    create,
    async add(changes, place) {
      const [outcome] = await create([newMember(changes)], place);
      expect(["created", "joined"], JSON.stringify(outcome)).toContain(outcome!.kind);
      return (outcome as Extract<CreateOutcome, { kind: "created" }>).member;
    },
    find,
    async member(userId, place) {
      const found = await find({ kind: "user_id", value: userId }, place);
      expect(found?.membership ?? null).not.toBeNull();
      return found as Member;
    },
    async recipient(identifier, { trustClaims = false, channel = "email", ...place } = {}) {
      const recipientOf = { identifier, channel, trustClaims, ...here, ...place };
      const prepared = await scene.store.challenges.prepareSend({ idempotency: null, recipientOf, guards: [], now: t0 });
      return expectKind(prepared, "ready").recipient;
    },
  };
}
