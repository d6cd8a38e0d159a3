import { createHash } from "node:crypto";

/** Returns a challenge id as a UUID, for vendors whose clients expect one. */
export function uuidOf(challengeId: string): string {
  return dashed(Buffer.from(challengeId, "base64url"));
}

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

function dashed(bytes: Buffer): string {
  const hex = bytes.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
