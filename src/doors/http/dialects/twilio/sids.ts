import { createHash } from "node:crypto";
import { serviceSidOf, twilioIdsOf } from "../../../../model/vendor-ids.js";
import type { NamedClient } from "../../../../rpc/named-client.js";
import type { DialectKit } from "../dialect.js";
import { challengeIdOf, uuidOf } from "../ids.js";

/** A challenge id is a UUID, and so the 32 digits of a verification's sid. */
export function verificationSidOf(challengeId: string): string {
  return `VE${uuidOf(challengeId).replaceAll("-", "")}`;
}

/** Returns null for a text that is no sid of a verification. */
export function challengeIdOfSid(sid: string): string | null {
  return /^VE[0-9a-f]{32}$/i.test(sid) ? challengeIdOf(sid.slice(2)) : null;
}

/** The sid of one send of a code, which no path takes. */
export function attemptSidOf(challengeId: string, index: number): string {
  return `VL${createHash("sha256").update(`${challengeId} ${index}`).digest("hex").slice(0, 32)}`;
}

/** The sid of the account in answers: the one that the client authenticates with, if it is one. */
export function accountSidOf({ client, namedId }: NamedClient): string {
  return namedId.startsWith("AC") ? namedId : twilioIdsOf(client).accountSid;
}

/** Returns whether the service is the app: by the app's own sid, or by an alias of one of its clients. */
export function isServiceOf(kit: DialectKit, sid: string, appId: string): boolean {
  return sid === serviceSidOf(appId) || (/^VA/.test(sid) && kit.find(sid)?.client.appId === appId);
}
