import { invalidField } from "../auth/errors.js";

/** Bounds what a decoder builds, so that a small message cannot cost much. */
export interface FieldBudget {
  /** Throws when the request has too many fields and values. `at` is the request's own field that they belong to, if known. */
  spend(at: string): void;
}

export function createFieldBudget(fieldsMax: number): FieldBudget {
  let left = fieldsMax;
  return {
    spend(at) {
      if (left === 0) throw invalidField(at, "has too many values");
      left -= 1;
    },
  };
}

/** JavaScript sets the prototype of an object by this key, so decoders drop it silently. */
export const refusedKey = "__proto__";

/** Decoders of binary messages drop this mark at the beginning of a text, so two keys could become one. */
export const byteOrderMark = "\ufeff";

export function refuseByteOrderMark(at: string): never {
  throw invalidField(at, "must not have a text that begins with a byte order mark");
}

export function refuseKey(at: string): never {
  throw invalidField(at, `must not have the key ${refusedKey}`);
}
