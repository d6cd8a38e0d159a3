import type { Notice, Texts, Wording } from "./texts.js";

const kinds: Record<Wording, string> = {
  login: "लॉगिन कोड",
  invitation: "आमंत्रण कोड",
  registration: "पंजीकरण कोड",
  registration_of_known: "लॉगिन कोड",
  verify_email: "सत्यापन कोड",
  verify_phone: "सत्यापन कोड",
};

const explanations: Record<Wording, string> = {
  login: "लॉगिन करने के लिए इसे वहीं डालें जहाँ आपने इसे माँगा था।",
  invitation: "आपको आमंत्रित किया गया है। पहली बार लॉगिन करने के लिए यह कोड डालें।",
  registration: "अपना खाता बनाना पूरा करने के लिए इसे वहीं डालें जहाँ आपने इसे माँगा था।",
  registration_of_known: "आपका खाता पहले से मौजूद है, इसलिए यह कोड लॉगिन करने के लिए है। इसे वहीं डालें जहाँ आपने इसे माँगा था।",
  verify_email: "यह पुष्टि करने के लिए कि यह ईमेल पता आपका है, इसे वहीं डालें जहाँ आपने इसे माँगा था।",
  verify_phone: "यह पुष्टि करने के लिए कि यह फ़ोन नंबर आपका है, इसे वहीं डालें जहाँ आपने इसे माँगा था।",
};

const changes: Record<Notice, (appName: string) => string> = {
  email_changed: (appName) => `आपके ${appName} खाते का ईमेल पता बदल दिया गया है`,
  email_removed: (appName) => `आपके ${appName} खाते से ईमेल पता हटा दिया गया है`,
  phone_changed: (appName) => `आपके ${appName} खाते का फ़ोन नंबर बदल दिया गया है`,
  phone_removed: (appName) => `आपके ${appName} खाते से फ़ोन नंबर हटा दिया गया है`,
};

const known = (wording: Wording) => (wording === "registration_of_known" ? "आपका खाता पहले से मौजूद है। " : "");

export const hi: Texts = {
  language: "hi",
  direction: "ltr",
  smsAlphabet: "ucs2",
  headline: (wording, { appName }) => `आपका ${appName} ${kinds[wording]} है`,
  explanation: (wording) => explanations[wording],
  validity: ({ minutes }) => `यह कोड ${minutes} मिनट तक मान्य है और केवल एक बार इस्तेमाल किया जा सकता है।`,
  warning: () =>
    "अगर आपने यह कोड नहीं माँगा था, तो आप इस संदेश को अनदेखा कर सकते हैं। यह कोड किसी को न बताएँ, उसे भी नहीं जो खुद को हमारा कर्मचारी बताए।",
  notMe: () => ({
    sentence: "अगर किसी और ने यह कोड माँगा या इस्तेमाल किया है, तो आप इसे रद्द करके उस लॉगिन को समाप्त कर सकते हैं।",
    label: "यह मैंने नहीं किया",
  }),
  // A segment has no room for the sentence that there is an account already.
  sms: (wording, { code, appName, minutes }) =>
    `${code} आपका ${appName} ${kinds[wording]} है, ${minutes} मिनट मान्य। किसी को न बताएँ।`,
  smsShort: (wording, { code, appName }) => `${code} ${appName} का ${kinds[wording]} है। किसी को न दें।`,
  voice: (wording, { code, appName }) =>
    `नमस्ते। आपका ${appName} ${kinds[wording]} है: ${code}। फिर से, आपका कोड है: ${code}। ${known(wording)}यह कोड किसी को न बताएँ। धन्यवाद।`,
  notice: (notice, { appName, days }) => ({
    subject: changes[notice](appName),
    explanation: "अगर यह बदलाव आपने किया है, तो आपको कुछ करने की ज़रूरत नहीं है।",
    sentence: `अगर नहीं, तो इसे ${days} दिन के भीतर वापस लें। आपकी पिछली जानकारी वापस आ जाएगी और सभी डिवाइस लॉगआउट हो जाएँगे।`,
    label: "बदलाव वापस लें",
  }),
  noticeSms: (notice, { appName, days, url }) =>
    `${changes[notice](appName)}। यह आपने नहीं किया? ${days} दिन के भीतर वापस लें: ${url}`,
};
