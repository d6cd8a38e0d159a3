import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Preview } from "../../apps/preview-message.js";
import type { WordingChanges } from "../../apps/update-wording.js";
import {
  type PreviewMessageResponseSchema,
  SmsEncoding,
  type UpdateWordingRequest,
} from "../../gen/latchkey/v1/app_service_pb.js";
import type { SendOtpRequest } from "../../gen/latchkey/v1/auth_service_pb.js";
import {
  type AppTextSchema,
  type AppWordingSchema,
  type AppText as ProtoText,
  Wording,
} from "../../gen/latchkey/v1/wording_pb.js";
import type { AppText, AppWording, MessageWords, Wording as WordingName } from "../../model/wording.js";
import { fromChannel, toChannel } from "./challenge.js";
import { keyOf } from "./enums.js";

const wordings = {
  login: Wording.LOGIN,
  invitation: Wording.INVITATION,
  registration: Wording.REGISTRATION,
  registration_of_known: Wording.REGISTRATION_OF_KNOWN,
  verify_email: Wording.VERIFY_EMAIL,
  verify_phone: Wording.VERIFY_PHONE,
} satisfies Record<WordingName, Wording>;

export const fromWording = (wording: Wording): WordingName | undefined => keyOf(wordings, wording);

export function toWording(wording: AppWording): MessageInitShape<typeof AppWordingSchema> {
  const { senderName, accentColor, linkHosts, senderIds, autofill } = wording;
  return { senderName, accentColor, linkHosts: [...linkHosts], senderIds: [...senderIds], autofill: { ...autofill } };
}

/** Returns the values that the mask names. */
export function fromUpdateWording({ wording, updateMask }: UpdateWordingRequest): WordingChanges {
  const named = (path: string): boolean => updateMask?.paths.includes(path) === true;
  const { webHost = "", androidHash = "" } = wording?.autofill ?? {};
  return {
    ...(named("sender_name") && { senderName: wording?.senderName ?? "" }),
    ...(named("accent_color") && { accentColor: wording?.accentColor ?? "" }),
    ...(named("link_hosts") && { linkHosts: wording?.linkHosts ?? [] }),
    ...(named("sender_ids") && { senderIds: wording?.senderIds ?? [] }),
    ...(named("autofill") && { autofill: { webHost, androidHash } }),
  };
}

export function toText({ channel, wording, ...text }: AppText): MessageInitShape<typeof AppTextSchema> {
  return { ...text, channel: toChannel(channel), wording: wording === "" ? Wording.UNSPECIFIED : wordings[wording] };
}

type Key = Pick<ProtoText, "channel" | "wording" | "locale">;

export function fromTextKey({ channel, wording, locale }: Key): Pick<AppText, "channel" | "wording" | "locale"> {
  const known = fromChannel(channel);
  if (known === undefined) throw new Error("validation accepted a request without a channel");
  return { channel: known, wording: fromWording(wording) ?? "", locale };
}

export function fromText(text: ProtoText): AppText {
  return { ...fromTextKey(text), subject: text.subject, text: text.text };
}

/** Returns what a request says about its messages, or undefined if it says nothing. */
export function fromMessageWords(request: Partial<Pick<SendOtpRequest, "customMessage" | "subject" | "senderId">>) {
  const { customMessage, subject, senderId } = request;
  const words: MessageWords = {
    ...(customMessage && { customMessage }),
    ...(subject && { subject }),
    ...(senderId && { senderId }),
  };
  return Object.keys(words).length === 0 ? undefined : words;
}

const encodings = { gsm7: SmsEncoding.GSM7, ucs2: SmsEncoding.UCS2 };

export function toPreview({ size, ...preview }: Preview): MessageInitShape<typeof PreviewMessageResponseSchema> {
  return { ...preview, sms: size === null ? undefined : { ...size, encoding: encodings[size.encoding] } };
}
