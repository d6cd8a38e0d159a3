import type { Notice, Texts, Wording } from "./texts.js";

const kinds: Record<Wording, string> = {
  login: "codice di accesso",
  invitation: "codice di invito",
  registration: "codice di registrazione",
  registration_of_known: "codice di accesso",
  verify_email: "codice di verifica",
  verify_phone: "codice di verifica",
};

const explanations: Record<Wording, string> = {
  login: "Per accedere, inseriscilo dove lo hai richiesto.",
  invitation: "Hai ricevuto un invito. Inserisci il codice per accedere per la prima volta.",
  registration: "Per completare la creazione del tuo account, inseriscilo dove lo hai richiesto.",
  registration_of_known: "Hai già un account, quindi questo codice serve per accedere. Inseriscilo dove lo hai richiesto.",
  verify_email: "Per confermare che questo indirizzo e-mail è tuo, inseriscilo dove lo hai richiesto.",
  verify_phone: "Per confermare che questo numero di telefono è tuo, inseriscilo dove lo hai richiesto.",
};

const changes: Record<Notice, (appName: string) => string> = {
  email_changed: (appName) => `L'indirizzo e-mail del tuo account ${appName} è stato modificato`,
  email_removed: (appName) => `L'indirizzo e-mail del tuo account ${appName} è stato rimosso`,
  phone_changed: (appName) => `Il numero di telefono del tuo account ${appName} è stato modificato`,
  phone_removed: (appName) => `Il numero di telefono del tuo account ${appName} è stato rimosso`,
};

const known = (wording: Wording) => (wording === "registration_of_known" ? "Hai già un account. " : "");

/** With the address "tu", as the large products word codes. No form depends on the reader's gender. */
export const it: Texts = {
  language: "it",
  direction: "ltr",
  smsAlphabet: "gsm7",
  headline: (wording, { appName }) => `è il tuo ${kinds[wording]} ${appName}`,
  explanation: (wording) => explanations[wording],
  validity: ({ minutes }) =>
    `Il codice è valido per ${minutes === 1 ? "1 minuto" : `${minutes} minuti`} e può essere usato una sola volta.`,
  warning: () =>
    "Se non hai richiesto questo codice, puoi ignorare questo messaggio. Non condividerlo con nessuno, nemmeno con chi dice di lavorare per noi.",
  notMe: () => ({
    sentence: "Se questo codice è stato richiesto o usato da qualcun altro, puoi bloccarlo e terminare la sessione.",
    label: "Non ero io",
  }),
  sms: (wording, { code, appName, minutes }) =>
    `${code} è il tuo ${kinds[wording]} ${appName}, valido ${minutes} min. ${known(wording)}Non l'hai richiesto? Ignoralo. Non condividerlo.`,
  smsShort: (wording, { code, appName }) => `${code} è il tuo ${kinds[wording]} ${appName}. Non condividerlo.`,
  voice: (wording, { code, appName }) =>
    `Salve. Il tuo ${kinds[wording]} ${appName} è: ${code}. Ripeto, il tuo codice è: ${code}. ${known(wording)}Non condividerlo con nessuno. Arrivederci.`,
  notice: (notice, { appName, days }) => ({
    subject: changes[notice](appName),
    explanation: "Se hai fatto tu questa modifica, non devi fare nulla.",
    sentence: `In caso contrario, annullala entro ${days === 1 ? "1 giorno" : `${days} giorni`}. I tuoi dati di contatto precedenti verranno ripristinati e tutti i dispositivi verranno disconnessi.`,
    label: "Annulla la modifica",
  }),
  noticeSms: (notice, { appName, days, url }) =>
    `${changes[notice](appName)}. Non eri tu? Annulla entro ${days === 1 ? "1 giorno" : `${days} giorni`}: ${url}`,
};
