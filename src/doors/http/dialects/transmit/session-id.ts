import { uuidOf } from "../ids.js";

/** A session and its user, which the API names together. */
export interface SessionOfUser {
  readonly userId: string;
  readonly sessionId: string;
}

const uuidBytes = 16;

/** Returns one id for both: Transmit's clients end a session by its id alone. */
export function sessionIdOf({ userId, sessionId }: SessionOfUser): string {
  return Buffer.from(`${userId}${sessionId}`.replaceAll("-", ""), "hex").toString("base64url");
}

/** For a text that is no such id returns a session that does not exist. */
export function sessionOfId(id: string): SessionOfUser {
  const given = Buffer.from(id, "base64url");
  const bytes = given.length === 2 * uuidBytes ? given : Buffer.alloc(2 * uuidBytes);
  const uuid = (from: number) => uuidOf(bytes.subarray(from, from + uuidBytes).toString("base64url"));
  return { userId: uuid(0), sessionId: uuid(uuidBytes) };
}
