import { checkTools } from "./support/check-tools.js";
import { prepareGo } from "./support/prepare-go.js";
import { preparePython } from "./support/prepare-python.js";

/** Says what is missing on this machine, all at once; then builds the programs in other languages. */
export default async function setup(): Promise<void> {
  await checkTools();
  await Promise.all([prepareGo(), preparePython()]);
}
