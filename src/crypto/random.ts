import { randomBytes as ownBytes, randomFillSync, randomInt, randomUUID } from "node:crypto";

const pool = Buffer.alloc(4096);
let used = pool.length;

/** Bytes of the operating system's generator, fetched in stock: a login needs some ten small pieces, and each fetch is dear. */
export function randomBytes(length: number): Buffer {
  // What is no small length, or none at all, is Node.js's to give or to refuse.
  if (!(length >= 0 && length <= pool.length / 8)) return ownBytes(length);
  if (used + length > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const bytes = Buffer.from(pool.subarray(used, used + length));
  // What was given out becomes a key or a secret of somebody: no copy of it stays here.
  pool.fill(0, used, used + length);
  used += length;
  return bytes;
}

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
