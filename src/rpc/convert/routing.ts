import type { MessageInitShape } from "@bufbuild/protobuf";
import type { UpdateRoutingInput } from "../../apps/update-routing.js";
import type { ChannelRoutingSchema } from "../../gen/latchkey/v1/app_pb.js";
import type { UpdateRoutingRequest } from "../../gen/latchkey/v1/app_service_pb.js";
import { channels } from "../../model/channel.js";
import type { AppRouting } from "../../model/routing.js";
import { fromChannel, toChannel } from "./challenge.js";

export function toRouting(routing: AppRouting): MessageInitShape<typeof ChannelRoutingSchema>[] {
  return channels.flatMap((channel) => {
    const routes = routing.filter((route) => route.channel === channel);
    if (routes.length === 0) return [];
    return [
      {
        channel: toChannel(channel),
        routes: routes.map(({ countries, prefixes, carriers, senders }) => ({
          countries: [...countries],
          prefixes: [...prefixes],
          carriers: [...carriers],
          senders: [...senders],
        })),
      },
    ];
  });
}

export function fromUpdateRouting({ appId, channel, routes }: UpdateRoutingRequest): UpdateRoutingInput {
  const known = fromChannel(channel);
  if (known === undefined) throw new Error("validation accepted a request without a channel");
  return {
    appId,
    channel: known,
    routes: routes.map(({ countries, prefixes, carriers, senders }) => ({
      countries,
      prefixes,
      carriers: carriers.map(({ name, weight }) => ({ name, weight })),
      senders,
    })),
  };
}
