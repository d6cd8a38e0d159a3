import type { Settings } from "../../config/settings.js";
import { deleteProvider } from "../../messages/delete-provider.js";
import { putProvider } from "../../messages/put-provider.js";
import { testProvider } from "../../messages/test-provider.js";
import { nameInDeployment } from "../../model/carrier.js";
import type { Channel } from "../../model/channel.js";
import { createAppCarriers, testAppCarrier } from "../../server/app-carriers.js";
import { openAppCarrier } from "../../server/open-app-carrier.js";
import { createCarrierCheck } from "../../server/read-app-carrier.js";
import type { Json } from "../apps/app.js";
import { print } from "../apps/output.js";
import { CliError, type Io } from "../io.js";
import { readText } from "../read-text.js";
import { withAccounts } from "../users/with-accounts.js";

export interface OnProvider extends Json {
  readonly app: string;
  readonly name: string;
}

export interface PutOptions extends OnProvider {
  readonly channel: Channel;
  readonly urlFile?: string;
  readonly gatewayFile?: string;
  /** 0: the present or last place. */
  readonly position: number;
}

export async function list(settings: Settings, options: Omit<OnProvider, "name">, io: Io): Promise<void> {
  const { app: appId } = options;
  await withAccounts(settings, { appId, io }, async ({ app }) => {
    const carriers = app.carriers.map(({ name, channel, kind }) => ({ name, channel, kind }));
    const lines = carriers.map(({ name, channel, kind }) => `${channel} ${name} ${kind}`);
    const none = `The app ${appId} has no carriers of its own, so it uses those of the deployment.`;
    print(io, options, carriers, lines.length === 0 ? [none] : lines);
  });
}

/** Sets a carrier. Running servers use it within a second. */
export async function put(settings: Settings, options: PutOptions, io: Io): Promise<void> {
  const { app: appId, name, channel, position } = options;
  const carrier = readSettings(options);
  await withAccounts(settings, { appId, io }, async ({ deps, core, actor }) => {
    const checkCarrier = createCarrierCheck(core.outbound, { isProduction: settings.mode === "production" });
    const { kind } = await putProvider({ ...deps, checkCarrier, carrierSecrets: core.carrierSecrets }, actor, {
      ...{ appId, name, channel, position },
      settings: carrier,
    });
    print(io, options, { name, channel, kind }, [
      `The app ${appId} uses the carrier ${name} (${kind}) for ${channel}, and none of the deployment.`,
      `\`latchkey provider test ${name} --app ${appId}\` tests it.`,
    ]);
  });
}

export async function remove(settings: Settings, options: OnProvider, io: Io): Promise<void> {
  const { app: appId, name } = options;
  await withAccounts(settings, { appId, io }, async ({ deps, actor }) => {
    await deleteProvider(deps, actor, { appId, name });
    print(io, options, { name }, [`Removed the carrier ${name} of the app ${appId} with its credentials.`]);
  });
}

/** Connects to a carrier from here. Returns whether nothing is wrong. */
export async function test(settings: Settings, options: OnProvider, io: Io): Promise<boolean> {
  const { app: appId, name } = options;
  return await withAccounts(settings, { appId, io }, async ({ deps, core, actor }) => {
    const openDeps = { secrets: core.carrierSecrets, settings, clock: deps.clock };
    const carriers = createAppCarriers({
      directory: deps.directory,
      open: (app, carrier) => openAppCarrier(openDeps, app, carrier),
    });
    try {
      const testCarrier = (of: string) => testAppCarrier(carriers, of);
      const { isTested, problem } = await testProvider({ ...deps, testCarrier }, actor, { appId, name });
      print(io, options, { name, tested: isTested, problem }, [
        resultLine(nameInDeployment(appId, { name }), isTested, problem),
      ]);
      return problem === "";
    } finally {
      await carriers.close();
    }
  });
}

function resultLine(name: string, isTested: boolean, problem: string): string {
  if (!isTested)
    return `The carrier ${name} can't be tested without sending: add \`check\` to its description, or use \`latchkey send-test\`.`;
  return problem === "" ? `The carrier ${name} accepts its credentials.` : `The carrier ${name} can't be used: ${problem}`;
}

/** Reads the settings of a carrier. Messages never repeat them. */
function readSettings({ urlFile, gatewayFile }: PutOptions): { readonly url: string; readonly gateway: string } {
  if ((urlFile === undefined) === (gatewayFile === undefined)) {
    throw new CliError(
      "Give either --url-file or --gateway-file: the URL holds credentials, so it comes from a file or standard input.",
    );
  }
  if (urlFile !== undefined) return { url: bounded("--url-file", readText("--url-file", urlFile).trim(), 2048), gateway: "" };
  return { url: "", gateway: bounded("--gateway-file", readText("--gateway-file", gatewayFile!), 16_384) };
}

function bounded(option: string, text: string, max: number): string {
  if (text !== "" && text.length <= max) return text;
  throw new CliError(`${option} must have 1 to ${max} characters.`);
}
