import { Channel } from "../../../../gen/latchkey/v1/challenge_pb.js";
import { challengeIdOf, uuidOf } from "../ids.js";

/** Where a UUID has its version, which is 4 in the UUID of a challenge. */
const at = 14;

const one = [Channel.SMS, Channel.VOICE, Channel.WHATSAPP] as const;

/** The later channels of a workflow by the digit that stands for them. */
const laterChannels = new Map<string, readonly Channel[]>([
  ["4", []],
  ...one.map((first, index) => [(index + 1).toString(16), [first]] as const),
  ...one.flatMap((first, outer) =>
    one.map((second, inner) => [(5 + 3 * outer + inner).toString(16), [first, second]] as const),
  ),
]);

/**
 * Returns the id of a request: the UUID of its challenge, with the later channels of the workflow in place of the version. So no
 * workflow has to be stored. A caller that changes the digit gets what it may ask for by another request.
 */
export function requestIdOf(challengeId: string, later: readonly Channel[]): string {
  const [digit] = [...laterChannels].find(([, known]) => known.join() === later.map(inDigit).join()) ?? ["4"];
  const uuid = uuidOf(challengeId);
  return `${uuid.slice(0, at)}${digit}${uuid.slice(at + 1)}`;
}

/** Steps by e-mail follow one by e-mail alone, so they need no digit of their own. */
function inDigit(channel: Channel): Channel {
  return channel === Channel.EMAIL ? Channel.SMS : channel;
}

export interface RequestId {
  readonly challengeId: string;
  /** Empty for a text that is no id of a request, and for a workflow of one step. */
  readonly later: readonly Channel[];
}

export function readRequestId(id: string): RequestId {
  const later = laterChannels.get(id.charAt(at).toLowerCase()) ?? [];
  return { challengeId: challengeIdOf(`${id.slice(0, at)}4${id.slice(at + 1)}`), later };
}
