import type { AppRecord } from "../model/app.js";
import { resolvePolicy, withChannelsOf } from "../model/app-policy.js";
import { type Channel, contactKindOf } from "../model/channel.js";
import { durationText } from "../model/policy-rules.js";
import type { FieldViolation } from "../model/violation.js";
import { lengthOf, type WorkflowStep } from "../model/workflow.js";
import type { Deployment } from "./deps.js";

const [stepMinMs, stepMaxMs] = [10_000, 600_000];

/** Returns what is wrong with the workflow of a channel. Fields are named as in the API. */
export function workflowViolations(
  steps: readonly WorkflowStep[],
  channel: Channel,
  { app, deployment }: { readonly app: AppRecord; readonly deployment: Pick<Deployment, "policy"> },
): FieldViolation[] {
  const { channels, codeTtlMs } = resolvePolicy(app.policy, withChannelsOf(app.carriers, deployment.policy));
  const others = channels.filter((other) => other !== channel && contactKindOf[other] === contactKindOf[channel]);
  const choice = others.length === 0 ? "the app has none" : `choose among ${others.join(", ")}`;
  return steps.flatMap((step, index) => {
    const problems = [
      ["channel", channelProblem(steps, index, { others, choice })],
      ["after", step.afterMs >= stepMinMs && step.afterMs <= stepMaxMs ? null : "must be 10 seconds to 10 minutes"],
      [
        "after",
        lengthOf(steps.slice(0, index + 1)) < codeTtlMs
          ? null
          : `is too late: the code expires ${durationText(codeTtlMs)} after its request, so shorten the waits`,
      ],
    ] as const;
    const found = problems.find(([, description]) => description !== null);
    return found === undefined ? [] : [{ field: `workflow[${index}].${found[0]}`, description: found[1]! }];
  });
}

function channelProblem(
  steps: readonly WorkflowStep[],
  index: number,
  { others, choice }: { readonly others: readonly Channel[]; readonly choice: string },
): string | null {
  const { channel } = steps[index]!;
  if (!others.includes(channel)) return `must be another channel of the app that reaches the same contact: ${choice}`;
  return steps.findIndex((step) => step.channel === channel) < index ? "is in the workflow twice" : null;
}
