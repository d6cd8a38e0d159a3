import type { Actor } from "./actor.js";
import type { AppsDeps } from "./deps.js";

/** Logs a change and makes it act in this process. */
export async function announce(
  { directory, log }: Pick<AppsDeps, "directory" | "log">,
  actor: Actor,
  { message, ...what }: { readonly message: string; readonly [field: string]: unknown },
): Promise<void> {
  const { address, correlationId } = actor.source;
  log.info({ by: actor.name, ...what, address, correlationId }, message);
  await directory.refresh();
}
