import type { Channel } from "./channel.js";

/** Another message with the code of a challenge, unless the challenge has ended by then. */
export interface WorkflowStep {
  /** It reaches the contact that the first message goes to. */
  readonly channel: Channel;
  /** How long after the step before it. That of the first step counts from the request of the code. */
  readonly afterMs: number;
}

/** What an app sends if a code that went over `channel` does not come back. */
export interface Workflow {
  readonly channel: Channel;
  readonly steps: readonly WorkflowStep[];
}

/** The workflows of an app, at most one for each channel. */
export type AppWorkflows = readonly Workflow[];

/** Returns the steps that follow a message over `channel`, in their order. */
export function stepsAfter(workflows: AppWorkflows, channel: Channel): readonly WorkflowStep[] {
  return workflows.find((workflow) => workflow.channel === channel)?.steps ?? [];
}

/** Returns how long after the request of the code the last step is. 0 without steps. */
export function lengthOf(steps: readonly WorkflowStep[]): number {
  return steps.reduce((total, { afterMs }) => total + afterMs, 0);
}
