import type { Database } from "./database.js";

/** Returns a database that calls `refuse` before each operation. If it throws, the operation fails and nothing was written. */
export function guardedBy(refuse: () => void, { rows, changes, transaction, close }: Database): Database {
  return {
    async rows(...given) {
      refuse();
      return await rows(...given);
    },
    async changes(...given) {
      refuse();
      return await changes(...given);
    },
    async transaction(...given) {
      refuse();
      return await transaction(...given);
    },
    close,
  };
}
