import type { Notice, Texts, Wording } from "./texts.js";

const kinds: Record<Wording, string> = {
  login: "رمز تسجيل الدخول إلى",
  invitation: "رمز دعوتك إلى",
  registration: "رمز إنشاء حسابك في",
  registration_of_known: "رمز تسجيل الدخول إلى",
  verify_email: "رمز التحقق الخاص بك في",
  verify_phone: "رمز التحقق الخاص بك في",
};

/** For SMS, which have 70 characters: without the words that a reader can do without. */
const shortKinds: Record<Wording, string> = {
  login: "رمز الدخول إلى",
  invitation: "رمز دعوتك إلى",
  registration: "رمز التسجيل في",
  registration_of_known: "رمز الدخول إلى",
  verify_email: "رمز التحقق في",
  verify_phone: "رمز التحقق في",
};

const explanations: Record<Wording, string> = {
  login: "لتسجيل الدخول، أدخِله في الصفحة التي طلبته منها.",
  invitation: "لقد تلقيت دعوة. أدخِل الرمز لتسجيل الدخول لأول مرة.",
  registration: "لإكمال إنشاء حسابك، أدخِله في الصفحة التي طلبته منها.",
  registration_of_known: "لديك حساب بالفعل، لذا فهذا الرمز لتسجيل الدخول. أدخِله في الصفحة التي طلبته منها.",
  verify_email: "لتأكيد أن عنوان البريد الإلكتروني هذا يخصك، أدخِله في الصفحة التي طلبته منها.",
  verify_phone: "لتأكيد أن رقم الهاتف هذا يخصك، أدخِله في الصفحة التي طلبته منها.",
};

const changes: Record<Notice, (appName: string) => string> = {
  email_changed: (appName) => `تم تغيير عنوان البريد الإلكتروني لحسابك في ${appName}`,
  email_removed: (appName) => `تمت إزالة عنوان البريد الإلكتروني من حسابك في ${appName}`,
  phone_changed: (appName) => `تم تغيير رقم الهاتف لحسابك في ${appName}`,
  phone_removed: (appName) => `تمت إزالة رقم الهاتف من حسابك في ${appName}`,
};

const known = (wording: Wording) => (wording === "registration_of_known" ? "لديك حساب بالفعل. " : "");

/** The noun after a number has a form for one, two, three to ten, and more. Digits are ASCII. */
function counted(count: number, forms: { one: string; two: string; few: string; many: string }): string {
  if (count === 1) return forms.one;
  if (count === 2) return forms.two;
  return `${count} ${count <= 10 ? forms.few : forms.many}`;
}
const minutesOf = (minutes: number): string =>
  counted(minutes, { one: "دقيقة واحدة", two: "دقيقتين", few: "دقائق", many: "دقيقة" });
const daysOf = (days: number): string => counted(days, { one: "يوم واحد", two: "يومين", few: "أيام", many: "يومًا" });

export const ar: Texts = {
  language: "ar",
  direction: "rtl",
  smsAlphabet: "ucs2",
  headline: (wording, { appName }) => `هو ${kinds[wording]} ${appName}`,
  explanation: (wording) => explanations[wording],
  validity: ({ minutes }) => `الرمز صالح لمدة ${minutesOf(minutes)} ويمكن استخدامه مرة واحدة فقط.`,
  warning: () => "إذا لم تطلب هذا الرمز، فيمكنك تجاهل هذه الرسالة. لا تشارك الرمز مع أي شخص، حتى لو قال إنه يعمل لدينا.",
  notMe: () => ({
    sentence: "إذا طلب شخص آخر هذا الرمز أو استخدمه، فيمكنك إيقافه وإنهاء الجلسة.",
    label: "لم أكن أنا",
  }),
  // A segment has no room for the sentence that there is an account already.
  sms: (wording, { code, appName, minutes }) =>
    `${code} هو ${shortKinds[wording]} ${appName}، صالح لمدة ${minutesOf(minutes)}. لا تشاركه.`,
  smsShort: (wording, { code, appName }) => `${code} هو ${shortKinds[wording]} ${appName}. لا تشاركه.`,
  voice: (wording, { code, appName }) =>
    `مرحبًا. ${kinds[wording]} ${appName} هو: ${code}. أكرر، رمزك هو: ${code}. ${known(wording)}لا تشاركه مع أي شخص. مع السلامة.`,
  notice: (notice, { appName, days }) => ({
    subject: changes[notice](appName),
    explanation: "إذا أجريت هذا التغيير بنفسك، فلا يلزمك فعل أي شيء.",
    sentence: `وإلا، فتراجع عنه خلال ${daysOf(days)}. ستُستعاد بياناتك السابقة وسيُسجَّل الخروج من جميع الأجهزة.`,
    label: "التراجع عن التغيير",
  }),
  noticeSms: (notice, { appName, days, url }) =>
    `${changes[notice](appName)}. لم تكن أنت؟ تراجع عنه خلال ${daysOf(days)}: ${url}`,
};
