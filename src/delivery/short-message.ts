import { gsm7Length, toGsm7 } from "../model/gsm7.js";
import { smsSizeOf } from "../model/sms-size.js";
import type { Autofill, Wording } from "../model/wording.js";
import type { Texts, Values } from "./texts/texts.js";

/** What an SMS says. `own` is the app's or the call's text with its values inserted; `null` means Latchkey's. */
export interface ShortMessage {
  readonly texts: Texts;
  readonly wording: Wording;
  readonly values: Values;
  readonly own: ((values: Values) => string) | null;
  readonly autofill: Autofill;
}

const nameMax = 24;

/**
 * Returns an SMS, in one segment where the script allows. Latchkey's text becomes shorter if it does not fit with the lines that let
 * phones read the code. An app's text stays as it is, but a name never doubles its price.
 */
export function shortMessage({ texts, wording, values, own, autofill }: ShortMessage): string {
  const ending = autofillLines(autofill, values.code);
  const finished = (text: string) => [text, ...ending].join("\n");
  if (own !== null) {
    const isGsm7 = gsm7Length(own({ ...values, appName: "" })) !== null;
    return finished(own({ ...values, appName: nameIn(isGsm7 ? toGsm7(values.appName) : values.appName) }));
  }
  const encoded = texts.smsAlphabet === "gsm7" ? toGsm7 : (text: string) => text;
  const named = { ...values, appName: nameIn(encoded(values.appName)) };
  const written = (text: string) => finished(encoded(text).replace(/ {2,}/g, " "));
  const whole = written(texts.sms(wording, named));
  if (fits(whole)) return whole;
  const short = written(texts.smsShort(wording, named));
  return fits(short) ? short : whole;
}

function fits(text: string): boolean {
  return smsSizeOf(text).segments === 1;
}

/** Cuts a name between characters as a reader sees them. */
function nameIn(text: string): string {
  if (text.length <= nameMax) return text.trim();
  let name = "";
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (name.length + segment.length > nameMax) break;
    name += segment;
  }
  return name.trim();
}

/**
 * Returns the lines by which a phone recognizes whose code it is: the 11 characters of Google's SMS Retriever, which the message has
 * to include (https://developers.google.com/identity/sms-retriever/verify), and the host of the page as the last line
 * (https://wicg.github.io/sms-one-time-codes/). Both come from the app's settings, never from a request.
 */
function autofillLines({ webHost, androidHash }: Autofill, code: string): readonly string[] {
  return [androidHash, webHost === "" ? "" : `@${webHost} #${code}`].filter((line) => line !== "");
}
