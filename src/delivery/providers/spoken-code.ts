import type { Message } from "../provider.js";

/**
 * The languages of Twilio's voices, by language: the one without a region comes first. Swahili, for example, has none.
 * https://www.twilio.com/docs/voice/twiml/say/text-speech
 */
const voices: Readonly<Record<string, readonly string[]>> = {
  ar: ["arb"],
  ca: ["ca-ES"],
  da: ["da-DK"],
  de: ["de-DE"],
  en: ["en-US", "en-AU", "en-CA", "en-GB", "en-IN"],
  es: ["es-ES", "es-MX"],
  fi: ["fi-FI"],
  fr: ["fr-FR", "fr-CA"],
  hi: ["hi-IN"],
  it: ["it-IT"],
  ja: ["ja-JP"],
  ko: ["ko-KR"],
  nb: ["nb-NO"],
  nl: ["nl-NL"],
  no: ["nb-NO"],
  pl: ["pl-PL"],
  pt: ["pt-BR", "pt-PT"],
  ru: ["ru-RU"],
  sv: ["sv-SE"],
  tr: ["tr-TR"],
  zh: ["zh-CN", "zh-HK", "zh-TW"],
};

/** The languages that only a voice with a name speaks. */
const namedVoices: ReadonlyMap<string, string> = new Map([
  ["arb", "Polly.Zeina"],
  ["hi-IN", "Polly.Aditi"],
  ["tr-TR", "Polly.Filiz"],
]);

/** Returns the language of the voice that reads a text in `locale`. A language without a voice is read by the English one. */
export function voiceLanguage(locale: string): string {
  const [language = ""] = locale.toLowerCase().split(/[-_]/);
  const known = Object.hasOwn(voices, language) ? voices[language]! : voices.en!;
  return known.find((tag) => tag.toLowerCase() === locale.replace("_", "-").toLowerCase()) ?? known[0]!;
}

/** Returns TwiML that says the message once: its text has the code twice. https://www.twilio.com/docs/voice/twiml */
export function spokenMessage({ text, locale }: Pick<Message, "text" | "locale">): string {
  const language = voiceLanguage(locale);
  const name = namedVoices.get(language);
  const voice = name === undefined ? "" : ` voice="${name}"`;
  const say = `<Say language="${language}"${voice}>${escapeXml(text)}</Say>`;
  return `<?xml version="1.0" encoding="UTF-8"?><Response><Pause length="1"/>${say}</Response>`;
}

/** XML has no control characters, not even escaped ones (XML 1.0 §2.2). A voice says none of them. */
function escapeXml(text: string): string {
  return text.replace(/[\p{Cc}\p{Cs}\uFFFE\uFFFF]/gu, " ").replace(/[<>&"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
