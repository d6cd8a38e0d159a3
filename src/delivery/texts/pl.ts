import type { Notice, Texts, Wording } from "./texts.js";

const kinds: Record<Wording, string> = {
  login: "kod logowania do",
  invitation: "kod zaproszenia do",
  registration: "kod rejestracji w",
  registration_of_known: "kod logowania do",
  verify_email: "kod weryfikacyjny",
  verify_phone: "kod weryfikacyjny",
};

const explanations: Record<Wording, string> = {
  login: "Aby się zalogować, wpisz go na ekranie z prośbą o kod.",
  invitation: "Masz zaproszenie. Wpisz ten kod, aby zalogować się po raz pierwszy.",
  registration: "Aby dokończyć zakładanie konta, wpisz go na ekranie z prośbą o kod.",
  registration_of_known: "Masz już konto, dlatego ten kod służy do zalogowania się. Wpisz go na ekranie z prośbą o kod.",
  verify_email: "Aby potwierdzić, że ten adres e-mail należy do Ciebie, wpisz go na ekranie z prośbą o kod.",
  verify_phone: "Aby potwierdzić, że ten numer telefonu należy do Ciebie, wpisz go na ekranie z prośbą o kod.",
};

const changes: Record<Notice, (appName: string) => string> = {
  email_changed: (appName) => `Zmieniono adres e-mail Twojego konta ${appName}`,
  email_removed: (appName) => `Usunięto adres e-mail z Twojego konta ${appName}`,
  phone_changed: (appName) => `Zmieniono numer telefonu Twojego konta ${appName}`,
  phone_removed: (appName) => `Usunięto numer telefonu z Twojego konta ${appName}`,
};

const known = (wording: Wording) => (wording === "registration_of_known" ? "Masz już konto. " : "");

const plural = new Intl.PluralRules("pl");
function minutesOf(minutes: number): string {
  const form = plural.select(minutes);
  return `${minutes} ${form === "one" ? "minutę" : form === "few" ? "minuty" : "minut"}`;
}
const daysOf = (days: number): string => (days === 1 ? "1 dnia" : `${days} dni`);

/** No form depends on the reader's gender, and the name of an app is not inflected. */
export const pl: Texts = {
  language: "pl",
  direction: "ltr",
  smsAlphabet: "gsm7",
  headline: (wording, { appName }) => `to Twój ${kinds[wording]} ${appName}`,
  explanation: (wording) => explanations[wording],
  validity: ({ minutes }) => `Kod jest ważny przez ${minutesOf(minutes)} i można go użyć tylko raz.`,
  warning: () =>
    "Jeśli ta prośba o kod nie pochodzi od Ciebie, zignoruj tę wiadomość. Nie podawaj kodu nikomu, nawet osobie, która twierdzi, że u nas pracuje.",
  notMe: () => ({
    sentence: "Jeśli ktoś inny poprosił o ten kod lub go użył, możesz zablokować kod i zakończyć sesję.",
    label: "To nie ja",
  }),
  sms: (wording, { code, appName, minutes }) =>
    `${code} to Twój ${kinds[wording]} ${appName}, ważny ${minutes} min. ${known(wording)}To nie Ty? Zignoruj. Nie podawaj kodu nikomu.`,
  smsShort: (wording, { code, appName }) => `${code} to Twój ${kinds[wording]} ${appName}. Nie podawaj go nikomu.`,
  voice: (wording, { code, appName }) =>
    `Dzień dobry. Twój ${kinds[wording]} ${appName} to: ${code}. Powtarzam, Twój kod to: ${code}. ${known(wording)}Nie podawaj go nikomu. Do widzenia.`,
  notice: (notice, { appName, days }) => ({
    subject: changes[notice](appName),
    explanation: "Jeśli ta zmiana pochodzi od Ciebie, nie musisz nic robić.",
    sentence: `Jeśli nie, cofnij ją w ciągu ${daysOf(days)}. Przywrócimy poprzednie dane kontaktowe i wylogujemy wszystkie urządzenia.`,
    label: "Cofnij zmianę",
  }),
  noticeSms: (notice, { appName, days, url }) =>
    `${changes[notice](appName)}. To nie Ty? Cofnij zmianę w ciągu ${daysOf(days)}: ${url}`,
};
