import { addContact, removeContact } from "../../accounts/contacts.js";
import { createUser } from "../../accounts/create-user.js";
import { deleteUser } from "../../accounts/delete-user.js";
import type { AccountsDeps } from "../../accounts/deps.js";
import { explainSignIn } from "../../accounts/explain-sign-in.js";
import { getUser } from "../../accounts/get-user.js";
import { inviteUser } from "../../accounts/invite-user.js";
import { listUsers } from "../../accounts/list-users.js";
import { lockUser, unlockUser } from "../../accounts/lock-user.js";
import { unblockUser } from "../../accounts/unblock-user.js";
import { updateUser } from "../../accounts/update-user.js";
import { listUserSessions, revokeUserSessions } from "../../accounts/user-sessions.js";
import { InviteUserRequestSchema, type UserService } from "../../gen/latchkey/v1/user_service_pb.js";
import { actorOf } from "../actor.js";
import { fromChannel, toChallenge } from "../convert/challenge.js";
import { fromContactKinds } from "../convert/contact.js";
import { toIdempotency } from "../convert/idempotency.js";
import {
  fromContactField,
  fromCredentialType,
  fromFilter,
  fromKey,
  fromNewUser,
  fromUpdateUser,
  toObstacle,
} from "../convert/member.js";
import { toSession } from "../convert/session.js";
import { toMember } from "../convert/user.js";
import type { Handlers } from "../pipeline.js";

/** The methods of latchkey.v1.UserService. They turn requests into calls of use cases and results into responses. */
export function createUserService(deps: AccountsDeps): Handlers<typeof UserService> {
  return {
    forClients: { ...userMethods(deps), ...stateMethods(deps), ...partMethods(deps), ...signInMethods(deps) },
    forUsers: {},
  };
}

type Methods = Handlers<typeof UserService>["forClients"];

function userMethods(deps: AccountsDeps): Methods {
  return {
    async createUser(caller, request) {
      const { member, created } = await createUser(deps, actorOf(caller), {
        ...fromNewUser(request),
        credentialType: fromCredentialType(request.credentialType),
        verified: fromContactKinds(request.verified),
        contactProofs: request.contactProofs,
      });
      return { user: toMember(member), created };
    },

    async getUser(caller, request) {
      return { user: toMember(await getUser(deps, actorOf(caller), { appId: request.appId, key: fromKey(request) })) };
    },

    async listUsers(caller, request) {
      const { appId, pageSize, pageToken } = request;
      const input = { appId, pageSize, pageToken, filter: fromFilter(request) };
      const { items, nextPageToken } = await listUsers(deps, actorOf(caller), input);
      return { users: items.map(toMember), nextPageToken };
    },

    async updateUser(caller, request) {
      const { appId, userId } = request;
      const changes = fromUpdateUser(request);
      return { user: toMember(await updateUser(deps, actorOf(caller), { appId, userId, changes })) };
    },

    async deleteUser(caller, { appId, userId, erase }) {
      return { erased: (await deleteUser(deps, actorOf(caller), { appId, userId, erase })) === "erased" };
    },
  };
}

function stateMethods(deps: AccountsDeps): Methods {
  return {
    async lockUser(caller, { appId, userId }) {
      return { user: toMember(await lockUser(deps, actorOf(caller), { appId, userId })) };
    },

    async unlockUser(caller, { appId, userId }) {
      return { user: toMember(await unlockUser(deps, actorOf(caller), { appId, userId })) };
    },

    async unblockUser(caller, { appId, userId }) {
      return { user: toMember(await unblockUser(deps, actorOf(caller), { appId, userId })) };
    },
  };
}

function partMethods(deps: AccountsDeps): Methods {
  return {
    async addContact(caller, request) {
      const { appId, userId, verified, contactProof, primary } = request;
      const contact = fromContactField(request.contact);
      const input = { appId, userId, contact, verified, contactProof, primary };
      return { user: toMember(await addContact(deps, actorOf(caller), input)) };
    },

    async removeContact(caller, request) {
      const { appId, userId } = request;
      const contact = fromContactField(request.contact);
      return { user: toMember(await removeContact(deps, actorOf(caller), { appId, userId, contact })) };
    },

    async listUserSessions(caller, { appId, userId }) {
      const sessions = await listUserSessions(deps, actorOf(caller), { appId, userId });
      return { sessions: sessions.map((session) => toSession(session, null)) };
    },

    async revokeUserSessions(caller, { appId, userId, sessionId }) {
      return { revokedCount: await revokeUserSessions(deps, actorOf(caller), { appId, userId, sessionId }) };
    },
  };
}

function signInMethods(deps: AccountsDeps): Methods {
  return {
    async inviteUser(caller, request) {
      const { member, created, challenge } = await inviteUser(deps, actorOf(caller), {
        ...fromNewUser(request),
        channel: fromChannel(request.channel),
        clientId: request.clientId,
        idempotency: toIdempotency(InviteUserRequestSchema, request),
      });
      return { user: toMember(member), created, challenge: toChallenge(challenge) };
    },

    async explainSignIn(caller, request) {
      const { appId, clientId, endUserIp } = request;
      const { obstacles, member } = await explainSignIn(deps, actorOf(caller), {
        appId,
        key: fromKey(request),
        clientId,
        endUserIp,
      });
      return { obstacles: obstacles.map(toObstacle), user: member === null ? undefined : toMember(member) };
    },
  };
}
