import type { Notice, Texts, Wording } from "./texts.js";

const kinds: Record<Wording, string> = {
  login: "inlogcode",
  invitation: "uitnodigingscode",
  registration: "registratiecode",
  registration_of_known: "inlogcode",
  verify_email: "verificatiecode",
  verify_phone: "verificatiecode",
};

const explanations: Record<Wording, string> = {
  login: "Vul de code in waar je hem hebt aangevraagd om in te loggen.",
  invitation: "Je bent uitgenodigd. Vul de code in om voor het eerst in te loggen.",
  registration: "Vul de code in waar je hem hebt aangevraagd om je registratie af te ronden.",
  registration_of_known: "Je hebt al een account, dus met deze code log je in. Vul hem in waar je hem hebt aangevraagd.",
  verify_email: "Vul de code in waar je hem hebt aangevraagd om te bevestigen dat dit e-mailadres van jou is.",
  verify_phone: "Vul de code in waar je hem hebt aangevraagd om te bevestigen dat dit telefoonnummer van jou is.",
};

const changes: Record<Notice, (appName: string) => string> = {
  email_changed: (appName) => `Het e-mailadres van je account bij ${appName} is gewijzigd`,
  email_removed: (appName) => `Het e-mailadres van je account bij ${appName} is verwijderd`,
  phone_changed: (appName) => `Het telefoonnummer van je account bij ${appName} is gewijzigd`,
  phone_removed: (appName) => `Het telefoonnummer van je account bij ${appName} is verwijderd`,
};

const known = (wording: Wording) => (wording === "registration_of_known" ? "Je hebt al een account. " : "");

/** With the address "je", as the large products word codes. */
export const nl: Texts = {
  language: "nl",
  direction: "ltr",
  smsAlphabet: "gsm7",
  headline: (wording, { appName }) => `is je ${kinds[wording]} voor ${appName}`,
  explanation: (wording) => explanations[wording],
  validity: ({ minutes }) =>
    `De code is ${minutes === 1 ? "1 minuut" : `${minutes} minuten`} geldig en kan één keer worden gebruikt.`,
  warning: () =>
    "Heb je deze code niet aangevraagd? Dan kun je dit bericht negeren. Deel de code met niemand, ook niet met iemand die zegt voor ons te werken.",
  notMe: () => ({
    sentence: "Heeft iemand anders deze code aangevraagd of gebruikt? Dan kun je de code blokkeren en de sessie beëindigen.",
    label: "Dit was ik niet",
  }),
  sms: (wording, { code, appName, minutes }) =>
    `${code} is je ${kinds[wording]} voor ${appName}, ${minutes} min. geldig. ${known(wording)}Niet aangevraagd? Negeer dit bericht. Deel de code met niemand.`,
  smsShort: (wording, { code, appName }) => `${code} is je ${kinds[wording]} voor ${appName}. Deel de code met niemand.`,
  voice: (wording, { code, appName }) =>
    `Hallo. Je ${kinds[wording]} voor ${appName} is: ${code}. Ik herhaal, je code is: ${code}. ${known(wording)}Deel de code met niemand. Tot ziens.`,
  notice: (notice, { appName, days }) => ({
    subject: changes[notice](appName),
    explanation: "Heb je dit zelf gedaan? Dan hoef je niets te doen.",
    sentence: `Zo niet, maak de wijziging dan binnen ${days === 1 ? "1 dag" : `${days} dagen`} ongedaan. Je vorige contactgegevens worden hersteld en alle apparaten worden uitgelogd.`,
    label: "Wijziging ongedaan maken",
  }),
  noticeSms: (notice, { appName, days, url }) =>
    `${changes[notice](appName)}. Was jij dit niet? Maak het binnen ${days === 1 ? "1 dag" : `${days} dagen`} ongedaan: ${url}`,
};
