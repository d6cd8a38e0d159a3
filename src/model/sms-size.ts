import { gsm7Septets } from "./gsm7.js";

/** How networks carry a text: in GSM-7 or UCS-2 (3GPP TS 23.038), and as how many short messages. */
export interface SmsSize {
  readonly encoding: "gsm7" | "ucs2";
  readonly segments: number;
}

/** Each segment of a longer text has a header that joins them (3GPP TS 23.040 §9.2.3.24.1). Counts of septets or UTF-16 units. */
const sizes = { gsm7: { alone: 160, joined: 153 }, ucs2: { alone: 70, joined: 67 } };

/** Returns how a text is sent by SMS. No character is divided between two segments. */
export function smsSizeOf(text: string): SmsSize {
  const characters = [...text];
  const septets = characters.map((character) => gsm7Septets(character)?.length ?? null);
  const isGsm7 = septets.every((count) => count !== null);
  const lengths = isGsm7 ? septets : characters.map((character) => character.length);
  const encoding = isGsm7 ? "gsm7" : "ucs2";
  return { encoding, segments: segmentsOf(lengths, sizes[encoding]) };
}

function segmentsOf(
  lengths: readonly number[],
  { alone, joined }: { readonly alone: number; readonly joined: number },
): number {
  if (lengths.reduce((sum, length) => sum + length, 0) <= alone) return 1;
  let segments = 1;
  let used = 0;
  for (const length of lengths) {
    if (used + length > joined) [segments, used] = [segments + 1, 0];
    used += length;
  }
  return segments;
}
