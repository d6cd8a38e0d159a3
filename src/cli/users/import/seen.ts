import { createHash } from "node:crypto";
import type { ImportedUser } from "../../../accounts/import-users.js";

/** A value that belongs to one user only. */
export interface OwnValue {
  readonly field: "user_id" | "email" | "phone" | "username" | "number" | "external_id";
  readonly value: string;
}

/** Remembers which values were on which line of a source. */
export interface SeenValues {
  /** Returns the first of the values that an earlier line had, and that line. */
  find(values: readonly OwnValue[]): { readonly field: OwnValue["field"]; readonly line: number } | null;
  add(values: readonly OwnValue[], line: number): void;
}

/** The values of a user, spelled alike if they mean the same. The store decides in the end. */
export function ownValues({ userId, contacts, username, number, externalId }: ImportedUser): readonly OwnValue[] {
  const values: OwnValue[] = contacts.map(({ kind, value }) => ({
    field: kind,
    value: kind === "email" ? value.trim().toLowerCase() : value.replace(/[^0-9]/g, ""),
  }));
  if (userId !== undefined) values.push({ field: "user_id", value: userId.toLowerCase() });
  if (username !== undefined) values.push({ field: "username", value: username.toLowerCase() });
  if (number !== undefined) values.push({ field: "number", value: String(number) });
  if (externalId !== undefined) values.push({ field: "external_id", value: externalId });
  return values;
}

/**
 * 12 bytes a slot, so at most 100 MB. Values beyond that are not remembered: their duplicates count as users that were there
 * already.
 */
const slotsMax = 2 ** 23;
const slotsMin = 2 ** 12;
/** Hash (two words) and line. Line 0 is an empty slot. */
const words = 3;
/** Of seven values in ten slots, most are found at the first look. */
const loadMax = 0.7;

/**
 * Keeps 64 bits of a hash of each value, because a source can have millions. Two of ten million values collide once in 300,000
 * sources.
 */
export function createSeenValues(): SeenValues {
  let slots = slotsMin;
  let table = new Uint32Array(slots * words);
  let count = 0;

  /** Returns the place of the hash, or of the empty slot where it belongs. */
  function placeOf(high: number, low: number): number {
    let slot = low & (slots - 1);
    for (;;) {
      const place = slot * words;
      if (table[place + 2] === 0 || (table[place] === high && table[place + 1] === low)) return place;
      slot = (slot + 1) & (slots - 1);
    }
  }

  function put(high: number, low: number, line: number): void {
    const place = placeOf(high, low);
    if (table[place + 2] !== 0) return;
    table.set([high, low, line], place);
    count += 1;
  }

  function grow(): void {
    const old = table;
    slots *= 2;
    table = new Uint32Array(slots * words);
    count = 0;
    for (let place = 0; place < old.length; place += words) {
      if (old[place + 2] !== 0) put(old[place]!, old[place + 1]!, old[place + 2]!);
    }
  }

  return {
    find(values) {
      for (const { field, value } of values) {
        const line = table[placeOf(...hashOf(field, value)) + 2]!;
        if (line !== 0) return { field, line };
      }
      return null;
    },
    add(values, line) {
      for (const { field, value } of values) {
        if (count >= slots * loadMax && slots < slotsMax) grow();
        if (count < slots * loadMax) put(...hashOf(field, value), line);
      }
    },
  };
}

function hashOf(field: string, value: string): readonly [high: number, low: number] {
  const digest = createHash("sha1").update(`${field}\0${value}`).digest();
  return [digest.readUInt32LE(0), digest.readUInt32LE(4)];
}
