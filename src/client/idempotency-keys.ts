import type { Message } from "@bufbuild/protobuf";
import { clone, type DescMessage, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { randomKey } from "./random-key.js";
import { isPassing } from "./retries.js";

/** Adds idempotency keys to requests that can have one and have none. */
export interface IdempotencyKeys {
  /**
   * Calls `send` with the request, keyed. A request that failed without a refusal may have taken effect, so it is remembered: the
   * same request again, or at the same time, gets the same key, and so no second message and no burnt code. A device that has moved
   * to another network meanwhile may get a second message.
   */
  keyed<Desc extends DescMessage, T>(
    schema: Desc,
    request: MessageShape<Desc>,
    send: (request: MessageShape<Desc>) => Promise<T>,
  ): Promise<T>;
}

/** Past this a repeat is a new wish. Shorter than codes live, so that no repeat is answered with a challenge that has expired. */
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
