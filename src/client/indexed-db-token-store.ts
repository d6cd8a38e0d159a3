import { get, promisifyRequest, type UseStore, update } from "idb-keyval";
import type { StoredSession, TokenStore } from "./token-store.js";

const databaseName = "latchkey";
const objectStoreName = "sessions";

/**
 * Stores the session in IndexedDB under `name`, for all pages of the origin. The default in browsers. If the browser blocks storage,
 * in a sandboxed frame for example, every operation throws: use `memoryTokenStore()` there.
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
 * Like idb-keyval's `createStore`, but a write resolves only once it is on disk. With Chromium's default a power cut loses the last
 * seconds: the pending refresh key would be gone after the server has used it.
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
        // Safari closes connections without a close event.
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
