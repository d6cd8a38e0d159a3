import { get, promisifyRequest, type UseStore, update } from "idb-keyval";
import type { StoredSession, TokenStore } from "./token-store.js";

const databaseName = "latchkey";
const objectStoreName = "sessions";

/**
 * Keeps the sign-in in IndexedDB under `name`, for all pages of the origin. The default in browsers. Where the browser blocks
 * storage (a sandboxed frame, say) every operation throws: give the client `memoryTokenStore()` there.
 */
export function indexedDbTokenStore(name: string): TokenStore {
  const useStore = createUseStore();
  return {
    shared: true,
    read: async () => (await get<StoredSession | null>(name, useStore)) ?? null,
    async update(change) {
      let next: StoredSession | null = null;
      await update<StoredSession | null>(
        name,
        (current) => {
          next = change(current ?? null);
          return next;
        },
        useStore,
      );
      return next;
    },
  };
}

/**
 * Like idb-keyval's `createStore`, but writes are on disk when they resolve: Chromium's default loses the last seconds at a power
 * cut, and with them the pending refresh key that the server has already acted on.
 */
function createUseStore(): UseStore {
  let opening: Promise<IDBDatabase> | null = null;

  function open(): Promise<IDBDatabase> {
    if (opening !== null) return opening;
    const request = indexedDB.open(databaseName);
    request.onupgradeneeded = () => request.result.createObjectStore(objectStoreName);
    const opened = promisifyRequest(request);
    opening = opened;
    opened.then(
      (database) => {
        database.onclose = forget;
        database.onversionchange = () => {
          forget();
          database.close();
        };
      },
      () => forget(),
    );
    return opened;
  }

  function forget(): void {
    opening = null;
  }

  return async (mode, callback) => {
    const objectStore = await open()
      .then((database) => begin(database, mode))
      .catch(async (error: unknown) => {
        // Safari closes connections without telling.
        if (!(error instanceof DOMException) || error.name !== "InvalidStateError") throw error;
        forget();
        return begin(await open(), mode);
      });
    return callback(objectStore);
  };
}

function begin(database: IDBDatabase, mode: IDBTransactionMode): IDBObjectStore {
  return database.transaction(objectStoreName, mode, { durability: "strict" }).objectStore(objectStoreName);
}
