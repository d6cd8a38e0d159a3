/** Returns a challenge id as a UUID, for vendors whose clients expect one. */
export function uuidOf(challengeId: string): string {
  const hex = Buffer.from(challengeId, "base64url").toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** Returns the challenge id of a UUID. For another text returns one that no challenge has. */
export function challengeIdOf(uuid: string): string {
  return Buffer.from(uuid.replaceAll("-", "").toLowerCase(), "hex").toString("base64url") || "-";
}
