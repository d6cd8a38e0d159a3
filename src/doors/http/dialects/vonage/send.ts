import type { Static } from "typebox";
import { AuthService } from "../../../../gen/latchkey/v1/auth_service_pb.js";
import { Channel, Purpose } from "../../../../gen/latchkey/v1/challenge_pb.js";
import type { DialectApp, DialectKit } from "../dialect.js";
import { RouteError } from "../failure.js";
import { asApplication } from "./caller.js";
import { requestIdOf } from "./request-id.js";
import { sendRequest, sendResponse, type step } from "./schemas.js";

type SendRequest = Static<typeof sendRequest>;
type Step = Static<typeof step>;

const channels = {
  sms: Channel.SMS,
  voice: Channel.VOICE,
  whatsapp: Channel.WHATSAPP,
  whatsapp_interactive: Channel.WHATSAPP,
  email: Channel.EMAIL,
} as const;

/** The longest and the shortest life of a code that a call may ask for, in seconds. */
const [lifeMin, lifeMax] = [60, 600];

/** The start of a request. The first step of the workflow sends the code; its id names the later ones. */
export function addSendRoute(app: DialectApp, kit: DialectKit): void {
  const sendOtp = kit.method(AuthService.method.sendOtp);
  const schema = { body: sendRequest, response: { 202: sendResponse } };
  app.post("/v2/verify", { schema }, async (request, reply) => {
    const { body } = request;
    const context = asApplication(kit, request, reply);
    const [first, ...later] = body.workflow.map((one, index) => channelOf(body.workflow, one, index));
    const { to, channel, from } = body.workflow[0]!;
    const { challenge } = await sendOtp(context, {
      identifier: channel === "email" ? { case: "email", value: to } : { case: "phone", value: numberOf(to) },
      channel: first!,
      purpose: Purpose.VERIFY_CONTACT,
      locale: body.locale ?? "",
      // The numbers of WhatsApp and the addresses of mails are those of the carrier.
      senderId: channel === "sms" ? (from ?? "") : "",
      customCode: body.code ?? "",
      ...(body.code === undefined && body.code_length !== undefined && { codeLength: body.code_length }),
      ...lifeOf(body),
    });
    return await reply.code(202).send({ request_id: requestIdOf(challenge!.challengeId, later) });
  });
}

/** A code proves one contact, so all steps have that of the first. */
function channelOf(workflow: readonly Step[], { channel, to }: Step, index: number): Channel {
  const [first] = workflow;
  if (channel === "silent_auth")
    throw new RouteError("NOT_OFFERED", "silent_auth is not offered: it sends no code. Leave the step out.");
  if (to !== first!.to || (channel === "email") !== (first!.channel === "email")) {
    throw new RouteError(
      "NOT_OFFERED",
      `workflow[${index}].to must be that of the first step: one code proves one number or address.`,
    );
  }
  return channels[channel];
}

/** Vonage's numbers have no plus sign. */
function numberOf(to: string): string {
  return /^\d/.test(to) ? `+${to}` : to;
}

/** Vonage counts the time of each step, Latchkey that of the code. */
function lifeOf({ channel_timeout: timeout, workflow }: SendRequest) {
  if (timeout === undefined) return {};
  return { codeTtl: { seconds: BigInt(Math.min(lifeMax, Math.max(lifeMin, timeout * workflow.length))) } };
}
