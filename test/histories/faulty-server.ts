/** `latchkey serve` for development with a fault in its store: the only argument is the fault's name. No setting leads here. */
import { readDevClients } from "../../src/cli/dev-clients.js";
import { devSecretsDirectory } from "../../src/cli/dev-files.js";
import { diskFiles, readSettings } from "../../src/config/settings.js";
import { startApp } from "../../src/server/app.js";
import { createLog } from "../../src/telemetry/log.js";
import { isInvariant } from "./check.js";
import { storeFaults } from "./store-faults.js";

const name = process.argv[2] ?? "";
if (!isInvariant(name)) throw new Error(`there is no fault ${name}`);
const read = readSettings(process.env, { files: diskFiles });
if (!read.ok) throw new Error(read.problems.join("\n"));
const log = createLog(read.settings.logLevel, { pretty: true });
const {
  grpcPort: grpc,
  httpPort: http,
  inboxPort: inbox,
} = await startApp(read.settings, log, {
  wrapStore: storeFaults[name],
  developmentClients: readDevClients(devSecretsDirectory),
});
log.info({ grpc, http, inbox }, "serving");
