import type { Settings } from "../config/settings.js";
import type { Log } from "../lib/log.js";
import { createLog } from "../telemetry/log.js";
import type { Io } from "./io.js";

/** The log of a command that changes something. It goes to `io.err`, so that `io.out` holds only what the command prints. */
export function commandLog({ logLevel, mode }: Pick<Settings, "logLevel" | "mode">, io: Io): Log {
  return createLog(logLevel, { pretty: mode === "development", write: (line) => io.err(line.trimEnd()) });
}
