import type { Notice, Texts, Wording } from "./texts.js";

const kinds: Record<Wording, string> = {
  login: "code de connexion",
  invitation: "code d'invitation",
  registration: "code d'inscription",
  registration_of_known: "code de connexion",
  verify_email: "code de vérification",
  verify_phone: "code de vérification",
};

const explanations: Record<Wording, string> = {
  login: "Pour vous connecter, saisissez-le là où vous l'avez demandé.",
  invitation: "Vous avez reçu une invitation. Saisissez ce code pour vous connecter pour la première fois.",
  registration: "Pour terminer la création de votre compte, saisissez-le là où vous l'avez demandé.",
  registration_of_known:
    "Vous avez déjà un compte\u00a0: ce code sert donc à vous connecter. Saisissez-le là où vous l'avez demandé.",
  verify_email: "Pour confirmer que cette adresse e-mail est bien la vôtre, saisissez-le là où vous l'avez demandé.",
  verify_phone: "Pour confirmer que ce numéro de téléphone est bien le vôtre, saisissez-le là où vous l'avez demandé.",
};

const changes: Record<Notice, (appName: string) => string> = {
  email_changed: (appName) => `L'adresse e-mail de votre compte ${appName} a été modifiée`,
  email_removed: (appName) => `L'adresse e-mail de votre compte ${appName} a été supprimée`,
  phone_changed: (appName) => `Le numéro de téléphone de votre compte ${appName} a été modifié`,
  phone_removed: (appName) => `Le numéro de téléphone de votre compte ${appName} a été supprimé`,
};

const known = (wording: Wording) => (wording === "registration_of_known" ? "Vous avez déjà un compte. " : "");

/** With the formal address "vous", and a no-break space before colons and question marks. */
export const fr: Texts = {
  language: "fr",
  direction: "ltr",
  smsAlphabet: "gsm7",
  headline: (wording, { appName }) => `est votre ${kinds[wording]} ${appName}`,
  explanation: (wording) => explanations[wording],
  validity: ({ minutes }) =>
    `Le code est valable ${minutes === 1 ? "1 minute" : `${minutes} minutes`} et ne peut être utilisé qu'une seule fois.`,
  warning: () =>
    "Si vous n'avez pas demandé ce code, vous pouvez ignorer ce message. Ne communiquez ce code à personne, pas même à quelqu'un qui prétend travailler pour nous.",
  notMe: () => ({
    sentence: "Si quelqu'un d'autre a demandé ou utilisé ce code, vous pouvez le bloquer et mettre fin à la connexion.",
    label: "Ce n'était pas moi",
  }),
  sms: (wording, { code, appName, minutes }) =>
    `${code} est votre ${kinds[wording]} ${appName}, valable ${minutes} min. ${known(wording)}Ce n'est pas vous\u00a0? Ignorez-le. Ne le communiquez à personne.`,
  smsShort: (wording, { code, appName }) => `${code} est votre ${kinds[wording]} ${appName}. Ne le communiquez à personne.`,
  voice: (wording, { code, appName }) =>
    `Bonjour. Votre ${kinds[wording]} ${appName} est\u00a0: ${code}. Je répète, votre code est\u00a0: ${code}. ${known(wording)}Ne le communiquez à personne. Au revoir.`,
  notice: (notice, { appName, days }) => ({
    subject: changes[notice](appName),
    explanation: "Si vous êtes à l'origine de ce changement, vous n'avez rien à faire.",
    sentence: `Sinon, annulez-le dans un délai de ${days === 1 ? "1 jour" : `${days} jours`}. Vos coordonnées précédentes seront rétablies et tous les appareils seront déconnectés.`,
    label: "Annuler le changement",
  }),
  noticeSms: (notice, { appName, days, url }) =>
    `${changes[notice](appName)}. Ce n'était pas vous\u00a0? Annulez sous ${days === 1 ? "24 heures" : `${days} jours`}\u00a0: ${url}`,
};
