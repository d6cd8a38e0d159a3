import type { EpochMs } from "../../../../model/time.js";
import { type CsvForm, freeForm, ownForm } from "../csv-lines.js";
import type { SourceLine } from "../line.js";
import { biot } from "./biot.js";
import { bridgekeeper } from "./bridgekeeper.js";
import type { Origin } from "./origin.js";
import { type Fields, idFields, RowError } from "./row.js";
import { solidx } from "./solidx.js";
import { supabase } from "./supabase.js";
import { transmit } from "./transmit.js";
import type { Vendor } from "./vendor.js";

const vendors = { biot, bridgekeeper, solidx, transmit, supabase } satisfies Record<string, Vendor>;

/** How the users of a source become those of `import`. */
export interface Reader {
  /** A sentence instead of a form: these users do not come as CSV. */
  readonly csv: CsvForm | string;
  /** Whether the source was named, so that what it says about contacts is trusted unless an option says otherwise. */
  readonly isVendor: boolean;
  read(fields: Fields, now: EpochMs): SourceLine["read"];
}

/** Undefined: the format of `import` itself. */
export function readerFor(origin: Origin | undefined): Reader {
  if (origin === undefined) return { csv: ownForm({ withId: false }), isVendor: false, read: (record) => ({ record }) };
  if (origin === "csv") return { csv: ownForm({ withId: true }), isVendor: false, read: refusing(withIdFields) };
  const { title, columns, read } = vendors[origin];
  const csv = columns === null ? `Users of ${title} are read as JSON, not as CSV.` : freeForm(title, columns);
  return { csv, isVendor: true, read: refusing((fields, now) => read(oneOf(fields), now)) };
}

function refusing(read: Vendor["read"]): Reader["read"] {
  return (fields, now) => {
    try {
      return { record: read(fields, now) };
    } catch (error) {
      if (error instanceof RowError) return { problem: error.message };
      throw error;
    }
  };
}

/** Fields that say which id it is come first. */
function withIdFields({ id, ...fields }: Fields): Fields {
  return id === undefined || id === null || id === "" ? fields : { ...idFields(id), ...fields };
}

/** Throws `RowError` for a page of an API. */
function oneOf(fields: Fields): Fields {
  const list = ["data", "result", "users"].find((name) => Array.isArray(fields[name]));
  if (list === undefined || Object.keys(fields).some((name) => /^_?(user_)?id$/.test(name))) return fields;
  throw new RowError(`has a list of users: write one user a line, for example with \`jq -c '.${list}[]'\``);
}
