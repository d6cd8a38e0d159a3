import type { Notice, Texts, Wording } from "./texts.js";

const kinds: Record<Wording, string> = {
  login: "código de inicio de sesión",
  invitation: "código de invitación",
  registration: "código de registro",
  registration_of_known: "código de inicio de sesión",
  verify_email: "código de verificación",
  verify_phone: "código de verificación",
};

const explanations: Record<Wording, string> = {
  login: "Introdúcelo donde lo solicitaste para iniciar sesión.",
  invitation: "Tienes una invitación. Introduce el código para iniciar sesión por primera vez.",
  registration: "Introdúcelo donde lo solicitaste para terminar de crear tu cuenta.",
  registration_of_known:
    "Ya tienes una cuenta, así que este código sirve para iniciar sesión. Introdúcelo donde lo solicitaste.",
  verify_email: "Introdúcelo donde lo solicitaste para confirmar que esta dirección de correo electrónico es tuya.",
  verify_phone: "Introdúcelo donde lo solicitaste para confirmar que este número de teléfono es tuyo.",
};

const changes: Record<Notice, (appName: string) => string> = {
  email_changed: (appName) => `Se ha cambiado la dirección de correo electrónico de tu cuenta de ${appName}`,
  email_removed: (appName) => `Se ha eliminado la dirección de correo electrónico de tu cuenta de ${appName}`,
  phone_changed: (appName) => `Se ha cambiado el número de teléfono de tu cuenta de ${appName}`,
  phone_removed: (appName) => `Se ha eliminado el número de teléfono de tu cuenta de ${appName}`,
};

const known = (wording: Wording) => (wording === "registration_of_known" ? "Ya tienes una cuenta. " : "");

/** With the address "tú", as the large products word codes in Spain and Latin America. */
export const es: Texts = {
  language: "es",
  direction: "ltr",
  smsAlphabet: "gsm7",
  headline: (wording, { appName }) => `es tu ${kinds[wording]} de ${appName}`,
  explanation: (wording) => explanations[wording],
  validity: ({ minutes }) =>
    `El código es válido durante ${minutes === 1 ? "1 minuto" : `${minutes} minutos`} y solo se puede usar una vez.`,
  warning: () =>
    "Si no solicitaste este código, puedes ignorar este mensaje. No lo compartas con nadie, ni siquiera con alguien que diga trabajar para nosotros.",
  notMe: () => ({
    sentence: "Si otra persona solicitó o usó este código, puedes anularlo y cerrar la sesión.",
    label: "No fui yo",
  }),
  sms: (wording, { code, appName, minutes }) =>
    `${code} es tu ${kinds[wording]} de ${appName}, válido ${minutes} min. ${known(wording)}¿No lo pediste? Ignóralo. No lo compartas.`,
  smsShort: (wording, { code, appName }) => `${code} es tu ${kinds[wording]} de ${appName}. No lo compartas.`,
  voice: (wording, { code, appName }) =>
    `Hola. Tu ${kinds[wording]} de ${appName} es: ${code}. Repito, tu código es: ${code}. ${known(wording)}No lo compartas con nadie. Adiós.`,
  notice: (notice, { appName, days }) => ({
    subject: changes[notice](appName),
    explanation: "Si hiciste tú este cambio, no tienes que hacer nada.",
    sentence: `Si no, deshazlo en un plazo de ${days === 1 ? "1 día" : `${days} días`}. Se restaurarán tus datos de contacto anteriores y se cerrará la sesión en todos los dispositivos.`,
    label: "Deshacer el cambio",
  }),
  noticeSms: (notice, { appName, days, url }) =>
    `${changes[notice](appName)}. ¿No fuiste tú? Deshazlo en ${days === 1 ? "1 día" : `${days} días`}: ${url}`,
};
