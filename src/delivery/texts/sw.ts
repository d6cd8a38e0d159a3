import type { Notice, Texts, Wording } from "./texts.js";

const kinds: Record<Wording, string> = {
  login: "msimbo wako wa kuingia kwenye",
  invitation: "msimbo wako wa mwaliko wa",
  registration: "msimbo wako wa kujisajili kwenye",
  registration_of_known: "msimbo wako wa kuingia kwenye",
  verify_email: "msimbo wako wa uthibitishaji wa",
  verify_phone: "msimbo wako wa uthibitishaji wa",
};

const explanations: Record<Wording, string> = {
  login: "Uweke pale ulipouomba ili uingie.",
  invitation: "Umealikwa. Weka msimbo huu ili uingie kwa mara ya kwanza.",
  registration: "Uweke pale ulipouomba ili ukamilishe kufungua akaunti yako.",
  registration_of_known: "Tayari una akaunti, kwa hiyo msimbo huu ni wa kuingia. Uweke pale ulipouomba.",
  verify_email: "Uweke pale ulipouomba ili kuthibitisha kuwa anwani hii ya barua pepe ni yako.",
  verify_phone: "Uweke pale ulipouomba ili kuthibitisha kuwa nambari hii ya simu ni yako.",
};

const changes: Record<Notice, (appName: string) => string> = {
  email_changed: (appName) => `Anwani ya barua pepe ya akaunti yako ya ${appName} imebadilishwa`,
  email_removed: (appName) => `Anwani ya barua pepe imeondolewa kwenye akaunti yako ya ${appName}`,
  phone_changed: (appName) => `Nambari ya simu ya akaunti yako ya ${appName} imebadilishwa`,
  phone_removed: (appName) => `Nambari ya simu imeondolewa kwenye akaunti yako ya ${appName}`,
};

const known = (wording: Wording) => (wording === "registration_of_known" ? "Tayari una akaunti. " : "");

export const sw: Texts = {
  language: "sw",
  direction: "ltr",
  smsAlphabet: "gsm7",
  headline: (wording, { appName }) => `ni ${kinds[wording]} ${appName}`,
  explanation: (wording) => explanations[wording],
  validity: ({ minutes }) => `Msimbo huu ni halali kwa dakika ${minutes} na unaweza kutumika mara moja tu.`,
  warning: () =>
    "Ikiwa hukuomba msimbo huu, unaweza kupuuza ujumbe huu. Usimpe mtu yeyote msimbo huu, hata anayesema anafanya kazi kwetu.",
  notMe: () => ({
    sentence: "Ikiwa mtu mwingine aliomba au alitumia msimbo huu, unaweza kuuzuia na kukiondoa kifaa kilichoingia.",
    label: "Haikuwa mimi",
  }),
  sms: (wording, { code, appName, minutes }) =>
    `${code} ni ${kinds[wording]} ${appName}, halali kwa dakika ${minutes}. ${known(wording)}Hukuuomba? Upuuze. Usimpe mtu yeyote.`,
  smsShort: (wording, { code, appName }) => `${code} ni ${kinds[wording]} ${appName}. Usimpe mtu yeyote.`,
  voice: (wording, { code, appName }) =>
    `Habari. Huu ni ${kinds[wording]} ${appName}: ${code}. Narudia, msimbo wako ni: ${code}. ${known(wording)}Usimpe mtu yeyote msimbo huu. Kwaheri.`,
  notice: (notice, { appName, days }) => ({
    subject: changes[notice](appName),
    explanation: "Ikiwa ni wewe uliyefanya mabadiliko haya, huhitaji kufanya chochote.",
    sentence: `Ikiwa si wewe, yatengue ndani ya siku ${days}. Maelezo yako ya awali yatarejeshwa na vifaa vyote vitaondolewa kwenye akaunti.`,
    label: "Tengua mabadiliko",
  }),
  noticeSms: (notice, { appName, days, url }) => `${changes[notice](appName)}. Si wewe? Tengua ndani ya siku ${days}: ${url}`,
};
