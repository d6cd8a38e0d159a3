import { operator } from "../../apps/actor.js";
import { previewMessage } from "../../apps/preview-message.js";
import { deleteText, listTexts, putText } from "../../apps/texts.js";
import { nameOf } from "../../apps/update-wording.js";
import type { Settings } from "../../config/settings.js";
import type { Channel } from "../../model/channel.js";
import type { AppText, Wording } from "../../model/wording.js";
import { CliError, type Io } from "../io.js";
import { readText } from "../read-text.js";
import { type Fields, print } from "./output.js";
import { withApps } from "./with-apps.js";
import type { OfApp } from "./wording.js";

/** Characters around names in Arabic. They are invisible in a message, but a terminal would get them escaped. */
const isolates = /[\u2066-\u2069]/g;

export interface OnText extends OfApp {
  readonly channel: Channel;
  readonly wording?: Wording;
  readonly locale: string;
}

export interface PutTextOptions extends OnText {
  readonly subject: string;
  readonly text?: string;
  readonly file?: string;
}

export interface PreviewOptions extends OnText {
  readonly customMessage?: string;
  readonly subject?: string;
  readonly html?: boolean;
}

export async function list(settings: Settings, options: OfApp, io: Io): Promise<void> {
  const texts = await withApps(settings, io, (deps) => listTexts(deps, { appId: options.app }));
  const lines = texts.flatMap((text) => [
    `${nameOf(text)}:`,
    ...(text.subject === "" ? [] : [`  Subject: ${text.subject}`]),
    ...text.text.split("\n").map((line) => `  ${line}`),
  ]);
  const none = `The app ${options.app} has no texts of its own.`;
  print(io, options, texts.map(textFields), lines.length === 0 ? [none] : lines);
}

export async function put(settings: Settings, options: PutTextOptions, io: Io): Promise<void> {
  const { app: appId, subject } = options;
  const given = { ...keyIn(options), subject, text: textIn(options) };
  const text = await withApps(settings, io, (deps) => putText(deps, operator(), { appId, text: given }));
  print(io, options, textFields(text), [`Set the text of the app ${appId} for ${nameOf(text)}.`]);
}

export async function remove(settings: Settings, options: OnText, io: Io): Promise<void> {
  const { app: appId } = options;
  const key = keyIn(options);
  await withApps(settings, io, (deps) => deleteText(deps, operator(), { appId, key }));
  print(io, options, key, [`The app ${appId} has no text for ${nameOf(key)} now.`]);
}

export async function preview(settings: Settings, options: PreviewOptions, io: Io): Promise<void> {
  const { app: appId, channel, wording = "login", locale, customMessage, subject } = options;
  const words = { ...(customMessage !== undefined && { customMessage }), ...(subject !== undefined && { subject }) };
  const shown = await withApps(settings, io, (deps) =>
    previewMessage(deps, { appId, channel, wording, locale, draft: null, words }),
  );
  const { size } = shown;
  const fields = {
    subject: shown.subject,
    text: shown.text,
    html: shown.html,
    sender_name: shown.senderName,
    locale: shown.locale,
    ...(size !== null && { encoding: size.encoding, segments: size.segments }),
  };
  const body = (options.html === true ? shown.html : shown.text).replace(isolates, "");
  const count =
    size === null ? [] : ["", `${size.segments} short message${size.segments === 1 ? "" : "s"} in ${size.encoding}`];
  print(io, options, fields, [
    ...(shown.subject === "" ? [] : [`Subject: ${shown.subject.replace(isolates, "")}`, ""]),
    ...body.split("\n"),
    ...count,
  ]);
}

function keyIn({ channel, wording, locale }: OnText): Pick<AppText, "channel" | "wording" | "locale"> {
  return { channel, wording: wording ?? "", locale };
}

function textFields({ channel, wording, locale, subject, text }: AppText): Fields {
  return { channel, wording, locale, subject, text };
}

/** A file usually ends with a line end, which is not of the text. */
function textIn({ text, file }: PutTextOptions): string {
  if (text !== undefined) return text;
  if (file === undefined) throw new CliError("Give the text with --text, or a file with --file.");
  return readText("--file", file).replaceAll("\r\n", "\n").replace(/\n+$/, "");
}
