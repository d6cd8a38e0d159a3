import type { Notice, Texts, Wording } from "./texts.js";

const kinds: Record<Wording, string> = {
  login: "código de acesso",
  invitation: "código de convite",
  registration: "código de inscrição",
  registration_of_known: "código de acesso",
  verify_email: "código de verificação",
  verify_phone: "código de verificação",
};

const explanations: Record<Wording, string> = {
  login: "Para entrar, digite-o onde o solicitou.",
  invitation: "Este código acompanha o seu convite. Digite-o para entrar pela primeira vez.",
  registration: "Para concluir a criação da sua conta, digite-o onde o solicitou.",
  registration_of_known: "A sua conta já existe, por isso este código serve para entrar nela. Digite-o onde o solicitou.",
  verify_email: "Para confirmar que este endereço de e-mail é seu, digite-o onde o solicitou.",
  verify_phone: "Para confirmar que este número de telefone é seu, digite-o onde o solicitou.",
};

const changes: Record<Notice, (appName: string) => string> = {
  email_changed: (appName) => `O endereço de e-mail da sua conta ${appName} foi alterado`,
  email_removed: (appName) => `O endereço de e-mail da sua conta ${appName} foi removido`,
  phone_changed: (appName) => `O número de telefone da sua conta ${appName} foi alterado`,
  phone_removed: (appName) => `O número de telefone da sua conta ${appName} foi removido`,
};

const known = (wording: Wording) => (wording === "registration_of_known" ? "A sua conta já existe. " : "");

/** Words that are right in Brazil and in Portugal. The name of an app has no article, because its gender is unknown. */
export const pt: Texts = {
  language: "pt",
  direction: "ltr",
  smsAlphabet: "gsm7",
  headline: (wording, { appName }) => `é o seu ${kinds[wording]} ${appName}`,
  explanation: (wording) => explanations[wording],
  validity: ({ minutes }) =>
    `O código é válido por ${minutes === 1 ? "1 minuto" : `${minutes} minutos`} e só pode ser usado uma vez.`,
  warning: () =>
    "Se não solicitou este código, pode ignorar esta mensagem. Não revele o código a ninguém, nem a quem diga que trabalha para nós.",
  notMe: () => ({
    sentence: "Se outra pessoa solicitou ou usou este código, pode anulá-lo e encerrar a sessão.",
    label: "Não fui eu",
  }),
  sms: (wording, { code, appName, minutes }) =>
    `${code} é o seu ${kinds[wording]} ${appName}, válido por ${minutes} min. ${known(wording)}Não o pediu? Ignore. Não o revele a ninguém.`,
  smsShort: (wording, { code, appName }) => `${code} é o seu ${kinds[wording]} ${appName}. Não o revele a ninguém.`,
  voice: (wording, { code, appName }) =>
    `Olá. O seu ${kinds[wording]} ${appName} é: ${code}. Repito, o seu código é: ${code}. ${known(wording)}Não o revele a ninguém. Até logo.`,
  notice: (notice, { appName, days }) => ({
    subject: changes[notice](appName),
    explanation: "Se reconhece esta alteração, não é necessário fazer nada.",
    sentence: `Caso contrário, desfaça-a no prazo de ${days === 1 ? "1 dia" : `${days} dias`}. Os seus dados anteriores serão restaurados e todas as sessões serão encerradas.`,
    label: "Desfazer a alteração",
  }),
  noticeSms: (notice, { appName, days, url }) =>
    `${changes[notice](appName)}. Não reconhece? Desfaça em ${days === 1 ? "1 dia" : `${days} dias`}: ${url}`,
};
