import { explainSignIn } from "../../accounts/explain-sign-in.js";
import type { Obstacle, ObstacleKind } from "../../accounts/obstacles.js";
import { invalidField } from "../../auth/errors.js";
import type { Settings } from "../../config/settings.js";
import { type Channel, reaches } from "../../model/channel.js";
import type { Contact } from "../../model/contact.js";
import type { EpochMs } from "../../model/time.js";
import type { Member, MemberKey } from "../../model/user.js";
import type { Json } from "../apps/app.js";
import { type Fields, print, timeText } from "../apps/output.js";
import type { Io } from "../io.js";
import { findNamed, type Naming } from "./named-user.js";
import { userFields, userLines } from "./output.js";
import { withAccounts } from "./with-accounts.js";

export interface FindOptions extends Json, Naming {
  readonly app: string;
  /** The client and the address that the user signs in with. */
  readonly client?: string;
  readonly address?: string;
}

/**
 * Prints a user and everything that keeps the user from signing in to the app now. Returns false if the app has no such user.
 */
export async function find(settings: Settings, options: FindOptions, io: Io): Promise<boolean> {
  const { app: appId, client: clientId = "", address: endUserIp = "" } = options;
  return await withAccounts(settings, { appId, io }, async (given) => {
    const { deps, actor } = given;
    if (clientId !== "" && endUserIp === "") throw invalidField("end_user_ip", "is missing: --client is read only with it");
    const { key, found } = await findNamed(given, options);
    const { obstacles, member } = await explainSignIn(deps, actor, { appId, key, clientId, endUserIp });
    const now = deps.clock();
    const place = { appId, user: found?.user.number ?? null, now, channels: settings.policy.channels };
    const explanation = { obstacles, canSignIn: canSignIn(obstacles, { key, member }) };
    print(
      io,
      options,
      {
        user: member === null ? null : userFields(member),
        can_sign_in: explanation.canSignIn,
        obstacles: obstacles.map((obstacle) => obstacleFields(obstacle, place)),
      },
      [...(member === null ? [] : [...userLines(member), ""]), ...explanationLines(explanation, place)],
    );
    return member !== null;
  });
}

interface Place {
  readonly appId: string;
  /** Null: there is no such person. */
  readonly user: number | null;
  readonly now: EpochMs;
  /** Those that the deployment has a provider for. */
  readonly channels: readonly Channel[];
}

interface Explanation {
  readonly obstacles: readonly Obstacle[];
  readonly canSignIn: boolean;
}

/** A user with several contacts can sign in by each one that has no obstacle. */
function canSignIn(
  obstacles: readonly Obstacle[],
  { key, member }: { readonly key: MemberKey; readonly member: Member | null },
): boolean {
  if (obstacles.length === 0 || member === null || key.kind === "email" || key.kind === "phone") return obstacles.length === 0;
  const blocked = obstacles.map(({ contact }) => contact);
  const isFree = ({ kind, value }: Contact) => !blocked.some((contact) => contact?.kind === kind && contact.value === value);
  return !blocked.includes(null) && member.user.contacts.some(isFree);
}

function explanationLines({ obstacles, canSignIn }: Explanation, place: Place): readonly string[] {
  const one = obstacles[0];
  if (one === undefined) return [`Nothing keeps this user from signing in to ${place.appId} now.`];
  if (obstacles.length === 1 && place.user === null) return [sentence(one, place)];
  const heading = canSignIn
    ? `This user can sign in to ${place.appId} now, but not by every contact:`
    : `What keeps this user from signing in to ${place.appId} now:`;
  return [heading, ...obstacles.map((each) => `- ${sentence(each, place)}`)];
}

function obstacleFields(obstacle: Obstacle, place: Place): Fields {
  const { kind, contact, until } = obstacle;
  return {
    kind,
    text: sentence(obstacle, place),
    until: until === null ? null : timeText(until),
    contact: contact && { kind: contact.kind, value: contact.value },
  };
}

function sentence({ kind, meaning, contact, until }: Obstacle, place: Place): string {
  const about = contact === null ? "" : `${contact.value}: `;
  const end = until === null ? "" : ` This ends by itself at ${timeText(until)}, ${inWords(until - place.now)} from now.`;
  return `${about}${meaning}${end} ${remedies[kind](place, contact)}`;
}

function inWords(ms: number): string {
  const seconds = Math.max(Math.ceil(ms / 1000), 0);
  const units = [
    [86_400, "day"],
    [3_600, "hour"],
    [60, "minute"],
  ] as const;
  const [size, unit] = units.find(([least]) => seconds >= 2 * least) ?? [1, "second"];
  const count = Math.ceil(seconds / size);
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}

/** What an operator can do about each obstacle on the command line. */
const remedies: Readonly<Record<ObstacleKind, (place: Place, contact: Contact | null) => string>> = {
  no_such_user: ({ appId }) => `Check the value, or create the user with \`latchkey user create --app ${appId}\`.`,
  no_membership: ({ appId }) =>
    `\`latchkey user create --app ${appId}\` or \`latchkey user invite --app ${appId}\` with one of the person's contacts joins the person.`,
  locked: (place) => `\`${command("unlock", place)}\` ends this.`,
  credential_none: () => "This can't be changed.",
  contact_unproven: (place) =>
    `The user can sign in by the verified contact. If you have verified this one, mark it: \`${command("update", place)} --verified --add-contact …\`.`,
  contact_of_another: (place) => `Remove it from this user: \`${command("update", place)} --remove-contact …\`.`,
  contact_disabled: (place) => `\`${command("unblock", place)}\` ends this, and so does a sign-in by another contact.`,
  locked_out: (place) => `\`${command("unblock", place)}\` ends this.`,
  too_many_guesses: unblockRemedy,
  too_many_sends: unblockRemedy,
  no_contact: (place) => `Add one: \`${command("update", place)} --add-contact …\`.`,
  channel_off: ({ appId, channels }, contact) =>
    contact === null || reaches(channels, contact.kind)
      ? `\`latchkey app policy ${appId} --set channels=${channels.join(",")}\` allows it.`
      : `This deployment has no provider for a channel that reaches it, so no policy can allow it.`,
  country_off: ({ appId }) =>
    `Add the country to LATCHKEY_SMS_COUNTRIES, and to the app's sms_countries if \`latchkey app policy ${appId}\` shows any.`,
  sign_in_off: ({ appId }) => `\`latchkey app policy ${appId} --set code_sign_in=on\` allows them.`,
  test_identifier: ({ appId }) =>
    `\`latchkey test-identifier list --app ${appId}\` shows it, and \`latchkey test-identifier delete\` ends it.`,
  test_account: ({ appId }) => `\`latchkey test-identifier put --app ${appId}\` sets one.`,
  app_archived: ({ appId }) => `\`latchkey app archive ${appId} --undo\` makes it active again.`,
};

function unblockRemedy(place: Place): string {
  return `\`${command("unblock", place)}\` resets the limits that count all addresses, not those of one address.`;
}

function command(name: string, { appId, user }: Place): string {
  return `latchkey user ${name} ${user ?? "…"} --app ${appId}`;
}
