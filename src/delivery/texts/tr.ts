import type { Notice, Texts, Wording } from "./texts.js";

const kinds: Record<Wording, string> = {
  login: "giriş kodunuz",
  invitation: "davet kodunuz",
  registration: "kayıt kodunuz",
  registration_of_known: "giriş kodunuz",
  verify_email: "doğrulama kodunuz",
  verify_phone: "doğrulama kodunuz",
};

const explanations: Record<Wording, string> = {
  login: "Giriş yapmak için kodu, talep ettiğiniz ekrana girin.",
  invitation: "Davet edildiniz. İlk kez giriş yapmak için bu kodu girin.",
  registration: "Hesabınızı oluşturmayı tamamlamak için kodu, talep ettiğiniz ekrana girin.",
  registration_of_known: "Zaten bir hesabınız olduğu için bu kodla giriş yaparsınız. Kodu, talep ettiğiniz ekrana girin.",
  verify_email: "Bu e-posta adresinin size ait olduğunu doğrulamak için kodu, talep ettiğiniz ekrana girin.",
  verify_phone: "Bu telefon numarasının size ait olduğunu doğrulamak için kodu, talep ettiğiniz ekrana girin.",
};

const changes: Record<Notice, (appName: string) => string> = {
  email_changed: (appName) => `${appName} hesabınızın e-posta adresi değiştirildi`,
  email_removed: (appName) => `${appName} hesabınızın e-posta adresi kaldırıldı`,
  phone_changed: (appName) => `${appName} hesabınızın telefon numarası değiştirildi`,
  phone_removed: (appName) => `${appName} hesabınızın telefon numarası kaldırıldı`,
};

const known = (wording: Wording) => (wording === "registration_of_known" ? "Zaten bir hesabınız var. " : "");

/** With the formal address "siz". The name of an app has no suffix. */
export const tr: Texts = {
  language: "tr",
  direction: "ltr",
  smsAlphabet: "gsm7",
  headline: (wording, { appName }) => `${appName} ${kinds[wording]}dur`,
  explanation: (wording) => explanations[wording],
  validity: ({ minutes }) => `Kod ${minutes} dakika geçerlidir ve yalnızca bir kez kullanılabilir.`,
  warning: () =>
    "Bu kodu siz talep etmediyseniz bu iletiyi dikkate almayın. Kodu hiç kimseyle, bizim için çalıştığını söyleyen kişilerle bile paylaşmayın.",
  notMe: () => ({
    sentence: "Bu kodu başka biri talep ettiyse veya kullandıysa kodu iptal edip oturumu kapatabilirsiniz.",
    label: "Bu ben değildim",
  }),
  sms: (wording, { code, appName, minutes }) =>
    `${code} ${appName} ${kinds[wording]}dur, ${minutes} dk geçerlidir. ${known(wording)}Siz istemediyseniz dikkate almayın. Kimseyle paylaşmayın.`,
  smsShort: (wording, { code, appName }) => `${code} ${appName} ${kinds[wording]}dur. Kimseyle paylaşmayın.`,
  voice: (wording, { code, appName }) =>
    `Merhaba. ${appName} ${kinds[wording]}: ${code}. Tekrar ediyorum, kodunuz: ${code}. ${known(wording)}Bu kodu kimseyle paylaşmayın. İyi günler.`,
  notice: (notice, { appName, days }) => ({
    subject: changes[notice](appName),
    explanation: "Bu değişikliği siz yaptıysanız bir şey yapmanız gerekmez.",
    sentence: `Siz yapmadıysanız değişikliği ${days} gün içinde geri alın. Önceki iletişim bilginiz geri yüklenir ve tüm cihazlardaki oturumlar kapatılır.`,
    label: "Değişikliği geri al",
  }),
  noticeSms: (notice, { appName, days, url }) =>
    `${changes[notice](appName)}. Siz yapmadıysanız ${days} gün içinde geri alın: ${url}`,
};
