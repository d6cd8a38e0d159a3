import type { Notice, Texts, Wording } from "./texts.js";

const kinds: Record<Wording, string> = {
  login: "Anmeldecode",
  invitation: "Einladungscode",
  registration: "Registrierungscode",
  registration_of_known: "Anmeldecode",
  verify_email: "Bestätigungscode",
  verify_phone: "Bestätigungscode",
};

const explanations: Record<Wording, string> = {
  login: "Um sich anzumelden, geben Sie ihn dort ein, wo Sie ihn angefordert haben.",
  invitation: "Sie wurden eingeladen. Geben Sie den Code ein, um sich zum ersten Mal anzumelden.",
  registration: "Um die Registrierung abzuschließen, geben Sie ihn dort ein, wo Sie ihn angefordert haben.",
  registration_of_known:
    "Sie haben bereits ein Konto und melden sich mit diesem Code an. Geben Sie ihn dort ein, wo Sie ihn angefordert haben.",
  verify_email:
    "Um zu bestätigen, dass diese E-Mail-Adresse Ihnen gehört, geben Sie ihn dort ein, wo Sie ihn angefordert haben.",
  verify_phone:
    "Um zu bestätigen, dass diese Telefonnummer Ihnen gehört, geben Sie ihn dort ein, wo Sie ihn angefordert haben.",
};

const changes: Record<Notice, (appName: string) => string> = {
  email_changed: (appName) => `Ihre E-Mail-Adresse bei ${appName} wurde geändert`,
  email_removed: (appName) => `Ihre E-Mail-Adresse bei ${appName} wurde entfernt`,
  phone_changed: (appName) => `Ihre Telefonnummer bei ${appName} wurde geändert`,
  phone_removed: (appName) => `Ihre Telefonnummer bei ${appName} wurde entfernt`,
};

const known = (wording: Wording) => (wording === "registration_of_known" ? "Sie haben bereits ein Konto. " : "");

/** With the formal address "Sie". */
export const de: Texts = {
  language: "de",
  direction: "ltr",
  smsAlphabet: "gsm7",
  headline: (wording, { appName }) => `ist Ihr ${kinds[wording]} für ${appName}`,
  explanation: (wording) => explanations[wording],
  validity: ({ minutes }) =>
    `Der Code ist ${minutes === 1 ? "eine Minute" : `${minutes} Minuten`} gültig und funktioniert nur einmal.`,
  warning: () =>
    "Wenn Sie diesen Code nicht angefordert haben, können Sie diese Nachricht ignorieren. Geben Sie den Code nicht weiter, auch nicht an Personen, die angeblich für uns arbeiten.",
  notMe: () => ({
    sentence: "Hat jemand anderes diesen Code angefordert oder benutzt? Sie können ihn sperren und die Anmeldung beenden.",
    label: "Das war ich nicht",
  }),
  sms: (wording, { code, appName, minutes }) =>
    `${code} ist Ihr ${kinds[wording]} für ${appName}, ${minutes} Min. gültig. ${known(wording)}Nicht angefordert? Einfach ignorieren. Code nicht weitergeben.`,
  smsShort: (wording, { code, appName }) => `${code} ist Ihr ${kinds[wording]} für ${appName}. Nicht weitergeben.`,
  voice: (wording, { code, appName }) =>
    `Guten Tag. Ihr ${kinds[wording]} für ${appName} lautet: ${code}. Ich wiederhole. Ihr Code lautet: ${code}. ${known(wording)}Geben Sie ihn nicht weiter. Auf Wiederhören.`,
  notice: (notice, { appName, days }) => ({
    subject: changes[notice](appName),
    explanation: "Wenn Sie das selbst waren, brauchen Sie nichts zu tun.",
    sentence: `Wenn nicht, machen Sie die Änderung innerhalb von ${days === 1 ? "einem Tag" : `${days} Tagen`} rückgängig. Dann werden Ihre bisherigen Kontaktdaten wiederhergestellt und alle Geräte abgemeldet.`,
    label: "Änderung rückgängig machen",
  }),
  noticeSms: (notice, { appName, days, url }) =>
    `${changes[notice](appName)}. Das waren Sie nicht? Innerhalb von ${days === 1 ? "einem Tag" : `${days} Tagen`} rückgängig machen: ${url}`,
};
