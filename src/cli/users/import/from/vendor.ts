import type { EpochMs } from "../../../../model/time.js";
import type { Fields } from "./row.js";

/** How the users of another service are read. */
export interface Vendor {
  readonly title: string;
  /** The columns that CSV must have, each list at least one. Null: its users are nested objects, so there is no CSV. */
  readonly columns: readonly (readonly string[])[] | null;
  /**
   * Returns the fields of a user as `import` reads them without `--from`. Throws `RowError` for a row that is no user. The values are
   * checked later.
   */
  read(fields: Fields, now: EpochMs): Fields;
}
