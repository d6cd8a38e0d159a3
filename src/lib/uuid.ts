/** Returns 16 bytes in base64url as a UUID. */
export function uuidOf(base64url: string): string {
  return dashed(Buffer.from(base64url, "base64url"));
}

/** Returns 16 bytes as a UUID. */
export function dashed(bytes: Buffer): string {
  const hex = bytes.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
