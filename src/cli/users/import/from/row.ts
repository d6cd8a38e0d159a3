import type { EpochMs } from "../../../../model/time.js";

/** One user as a vendor writes it. */
export type Fields = Readonly<Record<string, unknown>>;

/** A row that has no user for Latchkey. The message follows "Line 7 ", such as "has no id". */
export class RowError extends Error {
  override readonly name = "RowError";
}

/** Reads values by name. Returns undefined for null, an empty text, and a name that the row does not have. */
export type Row = (name: string) => unknown;

/** Names count without capital letters, underscores and hyphens: databases and their exports write them in several ways. */
export function rowOf(fields: Fields): Row {
  const values = new Map(Object.entries(fields).map(([name, value]) => [plain(name), value]));
  return (name) => given(values.get(plain(name)));
}

export function plain(name: string): string {
  return name.toLowerCase().replace(/[_-]/g, "");
}

function given(value: unknown): unknown {
  return value === null || value === "" ? undefined : value;
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** A UUID is kept as the user id, a whole number as the number, and any other id as the external id. */
export function idFields(id: unknown): Fields {
  if (typeof id === "number") return Number.isInteger(id) && id > 0 ? { number: id } : { external_id: String(id) };
  if (typeof id !== "string") throw new RowError("has no id");
  const text = id.trim();
  if (uuid.test(text)) return { user_id: text };
  const number = /^[1-9][0-9]*$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(number) ? { number } : { external_id: text };
}

/** Returns the object, also of JSON in a cell. Other values are returned as they are: the check of the fields refuses them. */
export function objectOf(value: unknown): unknown {
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Reads what databases and JSON write for true and false. */
export function isTrue(name: string, value: unknown): boolean | undefined {
  if (value === undefined || typeof value === "boolean") return value;
  const found = switches[String(value).toLowerCase()];
  if (found === undefined) throw new RowError(`has a wrong value: ${name} must be true or false`);
  return found;
}

const switches: Readonly<Record<string, boolean>> = { true: true, t: true, 1: true, false: false, f: false, 0: false };

/** A time as JSON, PostgreSQL and MySQL write it. Without a zone it is UTC. */
const timeForm = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?))?\s*(Z|UTC|[+-]\d\d(?::?\d\d)?)?$/i;

/** Returns a time of the past, or null if there is none. A time that is to come, by a clock that is ahead, counts as now. */
export function pastTime(name: string, value: unknown, now: EpochMs): EpochMs | null {
  const time = timeOf(name, value);
  return time === null ? null : Math.min(time, now);
}

/** Throws `RowError` for a value that is no time. */
export function timeOf(name: string, value: unknown): EpochMs | null {
  if (value === undefined || value === null || value === "") return null;
  const time = typeof value === "number" ? value : parseTime(String(value));
  if (Number.isFinite(time) && time >= 0) return time;
  throw new RowError(`has a wrong value: ${name} must be a time such as 2026-05-01T12:00:00Z`);
}

function parseTime(text: string): number {
  const [, date, clock = "00:00", zone = "Z"] = timeForm.exec(text.trim()) ?? [];
  if (date === undefined) return Number.NaN;
  const offset = /^[+-]/.test(zone) ? `${zone.slice(0, 3)}:${zone.slice(3).replace(":", "") || "00"}` : "Z";
  return Date.parse(`${date}T${clock}${offset}`);
}
