import type { KeyName, KeyWork } from "../model/key.js";
import type { KeyCheck } from "../store/port/keys.js";
import type { Store } from "../store/port/store.js";
import type { Keyring } from "./keyring.js";

/** Keys that the database knows and this process lacks: other processes of the deployment have them. */
export interface ForeignKeys {
  /**
   * Whether the work needs a foreign key, so that it must wait for a process that has the key. False: this process has the key, or no
   * process does (it was retired, or never existed). Reads the database at most once a second, whatever callers send, and throws
   * what that read throws.
   */
  isForeign(key: KeyName, work: KeyWork): Promise<boolean>;
}

const lookEveryMs = 1_000;
/** So few that callers with invented key ids can't take the places of other calls. */
const waitingMax = 100;
const tellEveryMs = 60_000;

export function createForeignKeys(deps: {
  readonly store: { readonly keys: Pick<Store["keys"], "listChecks"> };
  readonly rings: Readonly<Record<KeyCheck["use"], Keyring>>;
  /** Called for all work that a key is missing for; `isNews` once a minute and key. */
  readonly onMissing: (key: KeyName, work: KeyWork, isNews: boolean) => void;
  /** Milliseconds of a clock that is never set. */
  readonly now?: () => number;
  readonly sleep?: (ms: number) => Promise<void>;
}): ForeignKeys {
  const { store, rings, onMissing, now = () => performance.now(), sleep = sleepByTimer } = deps;
  const toldAt = new Map<string, number>();
  let known: ReadonlySet<string> = new Set();
  let lookedAt = -Infinity;
  let waiting = 0;
  let nextLook: Promise<ReadonlySet<string>> | null = null;

  /** Reads the names, and never joins a read that has already begun: a key that was added before this call is among them. */
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
      const isNews = now() - (toldAt.get(name) ?? -Infinity) >= tellEveryMs;
      if (isNews) toldAt.set(name, now());
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
