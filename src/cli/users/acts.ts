import { deleteUser } from "../../accounts/delete-user.js";
import { lockUser, unlockUser } from "../../accounts/lock-user.js";
import { unblockUser } from "../../accounts/unblock-user.js";
import { listUserSessions, revokeUserSessions } from "../../accounts/user-sessions.js";
import type { Settings } from "../../config/settings.js";
import type { Member } from "../../model/user.js";
import type { Confirmed, Json } from "../apps/app.js";
import { print, timeText } from "../apps/output.js";
import { type Io, requireYes } from "../io.js";
import { type Naming, theNamed } from "./named-user.js";
import { sessionFields, userFields } from "./output.js";
import { type InApp, withAccounts } from "./with-accounts.js";

/** How every command names the user it acts on. */
export interface OnUser extends Json, Naming {
  readonly app: string;
}

export async function lock(settings: Settings, options: OnUser, io: Io): Promise<void> {
  await change(
    settings,
    { options, io },
    {
      use: lockUser,
      done: (user) => `Locked the user ${user} out of the app ${options.app} and ended all sessions there.`,
    },
  );
}

export async function unlock(settings: Settings, options: OnUser, io: Io): Promise<void> {
  await change(
    settings,
    { options, io },
    {
      use: unlockUser,
      done: (user) => `The user ${user} has no lock of an administrator in the app ${options.app} now.`,
    },
  );
}

export async function unblock(settings: Settings, options: OnUser, io: Io): Promise<void> {
  await change(
    settings,
    { options, io },
    {
      use: unblockUser,
      done: (user) => `Reset the disabled contacts, the lockout and the limits of the user ${user}.`,
    },
  );
}

async function change(
  settings: Settings,
  { options, io }: { readonly options: OnUser; readonly io: Io },
  { use, done }: { readonly use: typeof lockUser; readonly done: (user: number) => string },
): Promise<void> {
  await onUser(settings, { options, io }, async ({ deps, actor, member, target }) => {
    const changed = await use(deps, actor, target);
    print(io, options, userFields(changed), [done(member.user.number)]);
  });
}

export async function remove(
  settings: Settings,
  options: OnUser & Confirmed & { readonly erase?: boolean },
  io: Io,
): Promise<void> {
  const { app: appId, erase = false } = options;
  await onUser(settings, { options, io }, async ({ deps, actor, member, target }) => {
    const { number } = member.user;
    const question = erase
      ? `Erasing the user ${number} ends the membership in all apps of the pool, and can't be undone.`
      : `Deleting the user ${number} from the app ${appId} ends the membership with its sessions, erases a person of no other app, and can't be undone.`;
    await requireYes(io, options, { question, refusal: "Nothing was deleted" });
    const outcome = await deleteUser(deps, actor, { ...target, erase });
    const line =
      outcome === "erased"
        ? `Erased the user ${number}.`
        : `Deleted the user ${number} from the app ${appId}. The person stays in other apps of the pool.`;
    print(io, options, { user_id: member.user.userId, number, erased: outcome === "erased" }, [line]);
  });
}

export async function sessions(settings: Settings, options: OnUser, io: Io): Promise<void> {
  await onUser(settings, { options, io }, async ({ deps, actor, member, target }) => {
    const found = await listUserSessions(deps, actor, target);
    const lines = found.map(({ sessionId, clientId, createdAt, lastUsedAt, ip }) =>
      [sessionId, clientId.padEnd(24), `since ${timeText(createdAt)}`, `used ${timeText(lastUsedAt)}`, ip].join(" ").trimEnd(),
    );
    const none = [`The user ${member.user.number} has no live session in the app ${options.app}.`];
    print(io, options, found.map(sessionFields), found.length === 0 ? none : lines);
  });
}

export async function revoke(settings: Settings, options: OnUser & { readonly session?: string }, io: Io): Promise<void> {
  const { app: appId, session: sessionId = "" } = options;
  await onUser(settings, { options, io }, async ({ deps, actor, member, target }) => {
    const ended = await revokeUserSessions(deps, actor, { ...target, sessionId });
    const { userId, number } = member.user;
    print(io, options, { user_id: userId, number, sessions_ended: ended }, [
      `Ended ${ended} ${ended === 1 ? "session" : "sessions"} of the user ${number} in the app ${appId}.`,
    ]);
  });
}

async function onUser(
  settings: Settings,
  { options, io }: { readonly options: OnUser; readonly io: Io },
  work: (
    given: InApp & { readonly member: Member; readonly target: { readonly appId: string; readonly userId: string } },
  ) => Promise<void>,
): Promise<void> {
  const { app: appId } = options;
  await withAccounts(settings, { appId, io }, async (given) => {
    const member = await theNamed(given, options);
    await work({ ...given, member, target: { appId, userId: member.user.userId } });
  });
}
