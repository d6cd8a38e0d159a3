import { randomInt, randomUUID } from "node:crypto";

/** Returns the 16 bytes of a random UUID as 22 characters of base64url, so that clients that expect a UUID can be given it as one. */
export function randomId(): string {
  return Buffer.from(randomUUID().replaceAll("-", ""), "hex").toString("base64url");
}

/** Returns a `randomId` that a command line does not take for an option. */
export function readableId(): string {
  const id = randomId();
  return id.startsWith("-") ? readableId() : id;
}

/** Returns a random UUID (RFC 9562 §5.4). */
export function randomUuid(): string {
  return randomUUID();
}

/** Returns digits drawn uniformly from the whole range, including leading zeros. */
export function randomDigits(length: number): string {
  return String(randomInt(0, 10 ** length)).padStart(length, "0");
}

/** Returns a factor between 0.9 and 1.1. */
export function randomJitter(): number {
  return 0.9 + randomInt(0, 20_001) / 100_000;
}

/** Returns whole milliseconds from 0 to `maxMs`. */
export function randomDelay(maxMs: number): number {
  return maxMs === 0 ? 0 : randomInt(0, maxMs + 1);
}
