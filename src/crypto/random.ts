import { randomBytes, randomInt, randomUUID } from "node:crypto";

/** 128 random bits as 22 characters of base64url. */
export function randomId(): string {
  return randomBytes(16).toString("base64url");
}

/** A random UUID (RFC 9562 §5.4). */
export function randomUuid(): string {
  return randomUUID();
}

/** Digits drawn uniformly over the whole range, leading zeros included. */
export function randomDigits(length: number): string {
  return String(randomInt(0, 10 ** length)).padStart(length, "0");
}

/** A factor between 0.9 and 1.1. */
export function randomJitter(): number {
  return 0.9 + randomInt(0, 20_001) / 100_000;
}

/** Whole milliseconds from 0 to `maxMs`. */
export function randomDelay(maxMs: number): number {
  return maxMs === 0 ? 0 : randomInt(0, maxMs + 1);
}
