import type { Session } from "../../model/session.js";
import type { Member, UserContact } from "../../model/user.js";
import { type Fields, fieldLines, timeText } from "../apps/output.js";

/**
 * The stable JSON form of a user, which `latchkey user import` reads too. Times are RFC 3339 texts. Values that the user does not
 * have are empty.
 */
export function portableFields({ user, membership }: Member): Fields {
  return {
    user_id: user.userId,
    number: user.number,
    username: user.username ?? "",
    display_name: user.displayName,
    locale: user.locale,
    contacts: user.contacts.map(contactFields),
    custom_attributes: attributesIn(user.customAttributes),
    roles: membership.roles,
    kind: membership.kind,
    owner_organization: membership.ownerOrganization,
    external_id: membership.externalId ?? "",
    app_attributes: attributesIn(membership.appAttributes),
    credential_type: membership.credentialType,
    state: membership.state,
  };
}

/** As `portableFields`, with what belongs to this deployment. */
export function userFields(member: Member): Fields {
  const { user, membership } = member;
  return {
    app_id: membership.appId,
    ...portableFields(member),
    created_at: timeText(user.createdAt),
    joined_at: timeText(membership.joinedAt),
  };
}

/** The user for people, one value a line. */
export function userLines(member: Member): readonly string[] {
  const { contacts, custom_attributes, app_attributes, ...rest } = userFields(member);
  const bags = { custom_attributes: member.user.customAttributes, app_attributes: member.membership.appAttributes };
  return [...fieldLines(rest), ...contactLines(member.user.contacts), ...fieldLines(bags)];
}

function contactLines(contacts: readonly UserContact[]): readonly string[] {
  return contacts.map(({ kind, value, verifiedAt }, index) => {
    const since = verifiedAt === null ? "not verified" : `verified ${timeText(verifiedAt)}`;
    const isPrimary = contacts.findIndex((one) => one.kind === kind) === index;
    return `${kind.padEnd(22)} ${value} (${since}${isPrimary ? ", primary" : ""})`;
  });
}

/** The stable JSON form of a session. */
export function sessionFields(session: Session): Fields {
  return {
    session_id: session.sessionId,
    client_id: session.clientId,
    created_at: timeText(session.createdAt),
    last_used_at: timeText(session.lastUsedAt),
    expires_at: timeText(session.expiresAt),
    idle_expires_at: timeText(session.idleExpiresAt),
    ip: session.ip,
    user_agent: session.userAgent,
    amr: session.amr,
  };
}

function contactFields({ kind, value, verifiedAt }: UserContact): Fields {
  return { kind, value, verified_at: verifiedAt === null ? null : timeText(verifiedAt) };
}

function attributesIn(text: string): Fields {
  return text === "" ? {} : (JSON.parse(text) as Fields);
}
