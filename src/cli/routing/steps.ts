import { channels } from "../../model/channel.js";
import { durationText } from "../../model/policy-rules.js";
import type { WorkflowStep } from "../../model/workflow.js";
import { parseDurationOption, parseList } from "../apps/parse.js";
import { CliError } from "../io.js";

/** Reads steps such as `whatsapp:30s,voice:1m`. Returns none for an empty text. Throws `CliError`. */
export function parseSteps(text: string): readonly WorkflowStep[] {
  return parseList(text).map((item) => {
    const [name, after, ...rest] = item.split(":");
    const channel = channels.find((known) => known === name);
    if (channel === undefined || after === undefined || rest.length > 0) {
      throw new CliError(
        `--then must list channels with times, such as whatsapp:30s,voice:1m. The channels are ${channels.join(", ")}.`,
      );
    }
    return { channel, afterMs: parseDurationOption("--then", after) };
  });
}

export function stepFields({ channel, afterMs }: WorkflowStep) {
  return { channel, after_seconds: afterMs / 1_000 };
}

/** Returns a text such as "whatsapp after 30 seconds, then voice after 1 minute". */
export function stepsText(steps: readonly WorkflowStep[]): string {
  return steps.map(({ channel, afterMs }) => `${channel} after ${durationText(afterMs)}`).join(", then ");
}
