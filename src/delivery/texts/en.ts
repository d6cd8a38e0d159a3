import type { Texts, Values, Wording } from "./texts.js";

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

const smsExplanations: Record<Wording, string> = {
  login: "",
  invitation: "",
  registration: "",
  registration_of_known: "You have an account: this signs you in. ",
  verify_email: "",
  verify_phone: "",
};

export const en: Texts = {
  language: "en",
  headline: (wording, { appName }) => `is your ${appName} ${kinds[wording]} code`,
  explanation: (wording) => explanations[wording],
  validity: ({ minutes }) => `The code is valid for ${duration(minutes)} and works once.`,
  warning: () =>
    "If you did not request this code, you can ignore this message. Don't share this code, not even with someone who says they work for us.",
  sms: (wording, values) =>
    `${values.code} ${en.headline(wording, values)}, valid for ${values.minutes} min. ${smsExplanations[wording]}Not you? Ignore it. Don't share this code.`,
  voice: (wording, { appName, code }) =>
    `Hello. Your ${appName} ${kinds[wording]} code is: ${code}. Again, your code is: ${code}. ${smsExplanations[wording]}Don't share this code. Goodbye.`,
};

function duration(minutes: Values["minutes"]): string {
  return minutes === 1 ? "1 minute" : `${minutes} minutes`;
}
