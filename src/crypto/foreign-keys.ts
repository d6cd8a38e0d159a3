import type { KeyName, KeyWork } from "../model/key.js";
import type { KeyCheck } from "../store/port/keys.js";
import type { Store } from "../store/port/store.js";
import type { Keyring } from "./keyring.js";

/** Keys that the database knows but this process lacks. Other processes of the deployment have them. */
export interface ForeignKeys {
  /**
   * Returns whether the work needs a foreign key, so that only another process can do it. Returns false if this process has the
   * key, or if no process has it because it was retired or never existed. Reads the database at most once a second, whatever
   * callers send. Throws if that read fails.
   */
  isForeign(key: KeyName, work: KeyWork): Promise<boolean>;
}

const lookEveryMs = 1_000;
/** Low, so that callers with invented key ids can't block other calls. */
const waitingMax = 100;
const reportEveryMs = 60_000;

export function createForeignKeys(deps: {
  readonly store: { readonly keys: Pick<Store["keys"], "listChecks"> };
  readonly rings: Readonly<Record<KeyCheck["use"], Keyring>>;
  /** Called for all work that lacks a key. `isNews` is true once a minute for each key. */
  readonly onMissing: (key: KeyName, work: KeyWork, isNews: boolean) => void;
  /** Returns the milliseconds of a monotonic clock. */
  readonly now?: () => number;
  readonly sleep?: (ms: number) => Promise<void>;
}): ForeignKeys {
  const { store, rings, onMissing, now = () => performance.now(), sleep = sleepByTimer } = deps;
  const reportedAt = new Map<string, number>();
  let known: ReadonlySet<string> = new Set();
  let lookedAt = -Infinity;
  let waiting = 0;
  let nextLook: Promise<ReadonlySet<string>> | null = null;

  /**
   * Reads the key names. Never joins a read that has already started, so the result includes every key added before this call.
   */
  function look(): Promise<ReadonlySet<string>> {
    nextLook ??= (async () => {
      const waitMs = lookedAt + lookEveryMs - now();
      await (waitMs > 0 ? sleep(waitMs) : undefined);
      nextLook = null;
      lookedAt = now();
      known = new Set((await store.keys.listChecks()).map(nameOf));
      return known;
    })();
    return nextLook;
  }

  async function isKnown(name: string): Promise<boolean> {
    waiting += 1;
    try {
      return (await look()).has(name);
    } finally {
      waiting -= 1;
    }
  }

  return {
    async isForeign(key, work) {
      if (rings[key.use].has(key.keyId)) return false;
      const name = nameOf(key);
      const isFresh = now() - lookedAt < lookEveryMs;
      if (!(isFresh && known.has(name))) {
        if (waiting >= waitingMax) return true;
        if (!(await isKnown(name))) return false;
      }
      const isNews = now() - (reportedAt.get(name) ?? -Infinity) >= reportEveryMs;
      if (isNews) reportedAt.set(name, now());
      onMissing(key, work, isNews);
      return true;
    },
  };
}

function nameOf({ use, keyId }: KeyName): string {
  return `${use} ${keyId}`;
}

function sleepByTimer(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
