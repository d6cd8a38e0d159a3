import { Secret } from "../lib/secret.js";
import { SettingError } from "./setting.js";

/** A key of the deployment. Stored data refers to it by its id. */
export interface KeySpec {
  readonly id: string;
  readonly key: Secret<Buffer>;
}

const keyBytes = 32;
const howTo = "make one with `openssl rand -base64 32`";

/**
 * Reads one key as base64, which gets the id `1`, or several as `id:base64,id:base64`. Messages never repeat
 * the text: what looks like an id may be a key.
 */
export function parseKeys(text: string): readonly KeySpec[] {
  const parts = text.split(",");
  const keys = parts.map((part, index) => {
    const which = parts.length === 1 ? "" : `key ${index + 1}: `;
    const [before, after] = splitAtColon(part.trim());
    if (after === undefined && parts.length > 1)
      throw new SettingError(`${which}must be written as id:base64, because there are several keys`);
    const id = after === undefined ? "1" : before;
    if (!/^[A-Za-z0-9_-]{1,16}$/.test(id)) {
      throw new SettingError(`${which}must have an id of 1 to 16 letters, digits, "_" or "-" before the colon`);
    }
    return { id, key: new Secret(parseKey(after ?? before, which)) };
  });
  refuseRepeats(keys);
  return keys;
}

/** Whether two lists have a key in common. */
export function shareKey(a: readonly KeySpec[], b: readonly KeySpec[]): boolean {
  return a.some((left) => b.some((right) => left.key.reveal().equals(right.key.reveal())));
}

function splitAtColon(text: string): [string, string | undefined] {
  const colon = text.indexOf(":");
  return colon === -1 ? [text, undefined] : [text.slice(0, colon), text.slice(colon + 1)];
}

function parseKey(text: string, which: string): Buffer {
  const bare = text.replace(/={1,2}$/, "");
  const bytes = Buffer.from(bare, "base64");
  const standard = bare.replaceAll("-", "+").replaceAll("_", "/");
  if (bytes.toString("base64").replace(/=+$/, "") !== standard) throw new SettingError(`${which}must be base64: ${howTo}`);
  if (bytes.length !== keyBytes) {
    throw new SettingError(`${which}must be ${keyBytes} bytes in base64, not ${bytes.length}: ${howTo}`);
  }
  if (isWeak(bytes)) throw new SettingError(`${which}must be random, not a sample, a text or a pattern: ${howTo}`);
  return bytes;
}

/** True for patterns that 32 random bytes show with a probability below 10^-13. */
function isWeak(bytes: Buffer): boolean {
  const step = bytes[1]! - bytes[0]!;
  const isSequence = bytes.every((byte, i) => i === 0 || ((byte - bytes[i - 1]! - step) & 0xff) === 0);
  const isText = bytes.every((byte) => byte >= 0x20 && byte < 0x7f);
  const isRepetition = new Set(bytes).size <= keyBytes / 2;
  return isSequence || isText || isRepetition;
}

function refuseRepeats(keys: readonly KeySpec[]): void {
  keys.forEach((key, i) => {
    const earlier = keys.slice(0, i);
    const sameId = earlier.findIndex(({ id }) => id === key.id);
    if (sameId !== -1) throw new SettingError(`keys ${sameId + 1} and ${i + 1} have the same id: give each its own`);
    if (shareKey(earlier, [key])) throw new SettingError(`key ${i + 1} repeats an earlier one: ${howTo}`);
  });
}
