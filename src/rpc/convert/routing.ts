import type { MessageInitShape } from "@bufbuild/protobuf";
import type { UpdateRoutingInput } from "../../apps/update-routing.js";
import type { ChannelRoutingSchema, Route as ProtoRoute, WorkflowStep as ProtoStep } from "../../gen/latchkey/v1/app_pb.js";
import type { UpdateRoutingRequest } from "../../gen/latchkey/v1/app_service_pb.js";
import type { AppRecord } from "../../model/app.js";
import { channels } from "../../model/channel.js";
import { stepsAfter } from "../../model/workflow.js";
import { fromChannel, toChannel } from "./challenge.js";
import { fromDuration, toDuration } from "./duration.js";

export function toRouting({
  routing,
  workflows,
}: Pick<AppRecord, "routing" | "workflows">): MessageInitShape<typeof ChannelRoutingSchema>[] {
  return channels.flatMap((channel) => {
    const routes = routing.filter((route) => route.channel === channel);
    const steps = stepsAfter(workflows, channel);
    if (routes.length === 0 && steps.length === 0) return [];
    return [
      {
        channel: toChannel(channel),
        routes: routes.map(({ countries, prefixes, carriers, senders }) => ({
          countries: [...countries],
          prefixes: [...prefixes],
          carriers: [...carriers],
          senders: [...senders],
        })),
        workflow: steps.map((step) => ({ channel: toChannel(step.channel), after: toDuration(step.afterMs)! })),
      },
    ];
  });
}

export function fromUpdateRouting({ appId, channel, updateMask, routes, workflow }: UpdateRoutingRequest): UpdateRoutingInput {
  const known = fromChannel(channel);
  if (known === undefined) throw new Error("validation accepted a request without a channel");
  const named = (path: string): boolean => updateMask?.paths.includes(path) === true;
  return {
    appId,
    channel: known,
    ...(named("routes") && { routes: routes.map(fromRoute) }),
    ...(named("workflow") && { workflow: workflow.map(fromStep) }),
  };
}

function fromRoute({ countries, prefixes, carriers, senders }: ProtoRoute) {
  return { countries, prefixes, carriers: carriers.map(({ name, weight }) => ({ name, weight })), senders };
}

function fromStep({ channel, after }: ProtoStep) {
  const known = fromChannel(channel);
  const afterMs = fromDuration(after);
  if (known === undefined || afterMs === undefined) throw new Error("validation accepted a step without a channel or a time");
  return { channel: known, afterMs };
}
