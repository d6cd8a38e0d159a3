// What generated rows look like, in SQL that both engines understand: as long as real ones, with keys in no order.
import { randomBytes } from "node:crypto";

const minute = 60_000;
const hour = 60 * minute;
export const day = 24 * hour;

/** Nothing that is generated expires while a run lasts. */
export const lives = {
  challengeMs: 4 * hour,
  budgetMs: day,
  sessionIdleMs: 7 * day,
  sessionMs: 30 * day,
  /** Sessions were used in this time. */
  lastUsedMs: 6 * day,
};

/** Coprime with every number of people that has no prime factor but 2 and 5, and far from each. */
export const stride = 7_368_787;

/** SQL: the address of person `n`. Neighbours in the order of addresses are far apart in the order in which they came. */
export const emailOf = (n, { users, stride: by }) => `'person' || ((${n}) * ${by} % ${users}) || '@example.com'`;

/** SQL: which person the `i`th of `count` things belongs to. */
export const ownerOf = (i, { users, count }) => `(${i}) * ${users} / ${count}`;

export const poolId = "main";
export const appId = "default";
export const clientId = "default-web";
export const userAgent =
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36";
/** Length of a sealed code: length and id of the key, nonce, six digits, tag. */
export const sealedCodeBytes = 2 + 12 + 6 + 16;

/** Ranges of at most `most` that make up 0 to `count`. */
export function* ranges(count, most = 500_000) {
  for (let from = 0; from < count; from += most) yield { from, to: Math.min(from + most, count) };
}

/** `count` whole numbers below `below`, in no order. */
export function someOf(below, count) {
  return Array.from({ length: count }, () => randomBytes(6).readUIntBE(0, 6) % below);
}
