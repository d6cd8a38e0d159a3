import { createHash } from "node:crypto";
import { dashed } from "../../../lib/uuid.js";

/** Returns a challenge id as a UUID, for vendors whose clients expect one. */
export { uuidOf } from "../../../lib/uuid.js";

/** Returns the challenge id of a UUID. For another text returns one that no challenge has. */
export function challengeIdOf(uuid: string): string {
  return Buffer.from(uuid.replaceAll("-", "").toLowerCase(), "hex").toString("base64url") || "-";
}

/** Returns a text that is a UUID as it is, and for any other text a UUID that is always the same (RFC 9562 §5.8). */
export function asUuid(text: string): string {
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) return text;
  const bytes = createHash("sha256").update(text).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return dashed(bytes);
}
