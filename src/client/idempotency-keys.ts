import type { Message } from "@bufbuild/protobuf";
import { clone, type DescMessage, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { randomKey } from "./random-key.js";
import { isPassing } from "./retries.js";

/** Adds an idempotency key to a request whose type has the field and which has no key yet. */
export interface IdempotencyKeys {
  /**
   * Calls `send` with the request and its key. If a call fails without an answer from Latchkey, the server may have acted on it. So
   * an equal request within 60 s, or at the same time, gets the same key: no second message is sent and no code is used up. After a
   * change of network the server may send a second message.
   */
  keyed<Desc extends DescMessage, T>(
    schema: Desc,
    request: MessageShape<Desc>,
    send: (request: MessageShape<Desc>) => Promise<T>,
  ): Promise<T>;
}

/** Shorter than the lifetime of a code, so that a repeat never returns an expired challenge. */
const rememberedMs = 60_000;
const rememberedMax = 32;

export function createIdempotencyKeys(clock: () => number): IdempotencyKeys {
  const remembered = new Map<string, { readonly key: string; readonly at: number }>();

  function keyFor(name: string): string {
    const known = remembered.get(name);
    if (known !== undefined && clock() - known.at < rememberedMs) return known.key;
    remembered.delete(name);
    if (remembered.size >= rememberedMax) remembered.delete(remembered.keys().next().value!);
    const key = randomKey();
    remembered.set(name, { key, at: clock() });
    return key;
  }

  return {
    async keyed(schema, request, send) {
      if (!takesKey(schema, request)) return await send(request);
      const name = `${schema.typeName} ${toBinary(schema, request).join()}`;
      const key = keyFor(name);
      try {
        const reply = await send(Object.assign(clone(schema, request), { idempotencyKey: key }));
        remembered.delete(name);
        return reply;
      } catch (error) {
        if (!isPassing(error)) remembered.delete(name);
        throw error;
      }
    },
  };
}

function takesKey(schema: DescMessage, request: Message): boolean {
  if (schema.field.idempotencyKey?.fieldKind !== "scalar") return false;
  return (request as Message & { idempotencyKey?: string }).idempotencyKey === "";
}
