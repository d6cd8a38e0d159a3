import type { Notice, Texts, Wording } from "./texts.js";

const kinds: Record<Wording, string> = {
  login: "sign-in",
  invitation: "invitation",
  registration: "sign-up",
  registration_of_known: "sign-in",
  verify_email: "verification",
  verify_phone: "verification",
};

const explanations: Record<Wording, string> = {
  login: "Enter it where you requested it to sign in.",
  invitation: "You are invited. Enter the code to sign in for the first time.",
  registration: "Enter it where you requested it to finish creating your account.",
  registration_of_known: "You already have an account, so this code signs you in. Enter it where you requested it.",
  verify_email: "Enter it where you requested it to confirm that this e-mail address is yours.",
  verify_phone: "Enter it where you requested it to confirm that this phone number is yours.",
};

const changes: Record<Notice, (appName: string) => string> = {
  email_changed: (appName) => `Your e-mail address at ${appName} was changed`,
  email_removed: (appName) => `Your e-mail address at ${appName} was removed`,
  phone_changed: (appName) => `Your phone number at ${appName} was changed`,
  phone_removed: (appName) => `Your phone number at ${appName} was removed`,
};

const known = (wording: Wording) => (wording === "registration_of_known" ? "You have an account: this signs you in. " : "");

export const en: Texts = {
  language: "en",
  direction: "ltr",
  smsAlphabet: "gsm7",
  headline: (wording, { appName }) => `is your ${appName} ${kinds[wording]} code`,
  explanation: (wording) => explanations[wording],
  validity: ({ minutes }) => `The code is valid for ${minutes === 1 ? "1 minute" : `${minutes} minutes`} and works once.`,
  warning: () =>
    "If you did not request this code, you can ignore this message. Don't share this code, not even with someone who says they work for us.",
  notMe: () => ({
    sentence: "If someone else requested this code, or used it, you can stop it and end the sign-in.",
    label: "This was not me",
  }),
  sms: (wording, { code, appName, minutes }) =>
    `${code} is your ${appName} ${kinds[wording]} code, valid for ${minutes} min. ${known(wording)}Not you? Ignore it. Don't share this code.`,
  smsShort: (wording, { code, appName }) => `${code} is your ${appName} ${kinds[wording]} code. Don't share it.`,
  voice: (wording, { code, appName }) =>
    `Hello. Your ${appName} ${kinds[wording]} code is: ${code}. Again, your code is: ${code}. ${known(wording)}Don't share this code. Goodbye.`,
  notice: (notice, { appName, days }) => ({
    subject: changes[notice](appName),
    explanation: "If you made this change, there is nothing to do.",
    sentence: `If you did not, undo it within ${days === 1 ? "1 day" : `${days} days`}. That restores your earlier address or number and signs out all devices.`,
    label: "Undo the change",
  }),
  noticeSms: (notice, { appName, days, url }) =>
    `${changes[notice](appName)}. Not you? Undo it within ${days === 1 ? "1 day" : `${days} days`}: ${url}`,
};
