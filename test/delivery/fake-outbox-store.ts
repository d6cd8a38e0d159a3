import type { Delivery } from "../../src/delivery/deliver.js";
import type { EpochMs } from "../../src/model/time.js";
import { StoreUnavailableError } from "../../src/store/port/errors.js";
import type { EndedTry } from "../../src/store/port/messages.js";
import type { OutboxMessage, Settlement } from "../../src/store/port/outbox.js";
import type { Store } from "../../src/store/port/store.js";

export interface FakeOutboxStore extends Pick<Store, "outbox"> {
  put(delivery: Delivery | null, dueAt?: EpochMs, isMuted?: boolean): number;
  /** Ids of the messages that are not settled for good. */
  open(): number[];
  dueAt(outboxId: number): EpochMs | undefined;
  /** The tries that were recorded, of one message or of all. */
  ended(outboxId?: number): EndedTry[];
  /** Every call so far, empty claims included. */
  readonly claims: { readonly limit: number; readonly found: number }[];
  readonly settlements: (readonly Settlement[])[];
  looks(): number;
  /** Whether the database does not answer. */
  down: boolean;
}

interface Row {
  tries: number;
  dueAt: EpochMs;
  carrier: number;
  unknowns: number;
  readonly isMuted: boolean;
  readonly delivery: Delivery | null;
}

export const queuedAt = Date.parse("2026-01-05T09:59:59Z");

/** The outbox part of the store in memory, as its contract has it. */
export function createFakeOutboxStore(): FakeOutboxStore {
  const rows = new Map<number, Row>();
  let lastId = 0;
  let looks = 0;
  const guard = () => {
    if (store.down) throw new StoreUnavailableError("the database is down");
  };
  const store: FakeOutboxStore = {
    claims: [],
    settlements: [],
    down: false,
    put(delivery, dueAt = 0, isMuted = false) {
      lastId += 1;
      rows.set(lastId, { tries: 0, dueAt, carrier: 0, unknowns: 0, isMuted, delivery });
      return lastId;
    },
    open: () => [...rows.keys()],
    dueAt: (outboxId) => rows.get(outboxId)?.dueAt,
    ended: (outboxId) =>
      store.settlements
        .flat()
        .filter((settlement) => outboxId === undefined || settlement.outboxId === outboxId)
        .flatMap(({ ended }) => (ended === null ? [] : [ended])),
    looks: () => looks,
    outbox: {
      async claim({ now, leaseMs, limit }) {
        guard();
        const due = [...rows].filter(([, row]) => row.dueAt <= now).slice(0, limit);
        store.claims.push({ limit, found: due.length });
        return due.map(([outboxId, row]): OutboxMessage => {
          row.tries += 1;
          row.dueAt = now + leaseMs;
          const { tries, carrier, unknowns, delivery } = row;
          const isExpired = delivery !== null && delivery.expiresAt <= now;
          const given = isExpired ? { ...delivery, sealedCode: null } : delivery;
          return { outboxId, tries, queuedAt, carrier, unknowns, isMuted: row.isMuted, delivery: given };
        });
      },
      async settle(settlements) {
        guard();
        store.settlements.push(settlements);
        for (const { outboxId, tries, retryAt, carrier, unknowns } of settlements) {
          const row = rows.get(outboxId);
          if (row?.tries !== tries) continue;
          if (retryAt === null) rows.delete(outboxId);
          else Object.assign(row, { dueAt: retryAt, carrier, unknowns });
        }
      },
      async nextDueAt() {
        guard();
        looks += 1;
        return rows.size === 0 ? null : Math.min(...[...rows.values()].map(({ dueAt }) => dueAt));
      },
    },
  };
  return store;
}
