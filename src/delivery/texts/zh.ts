import type { Notice, Texts, Wording } from "./texts.js";

const kinds: Record<Wording, string> = {
  login: "登录验证码",
  invitation: "邀请码",
  registration: "注册验证码",
  registration_of_known: "登录验证码",
  verify_email: "验证码",
  verify_phone: "验证码",
};

const explanations: Record<Wording, string> = {
  login: "请在获取验证码的页面输入，以完成登录。",
  invitation: "您已受邀加入。请输入邀请码，完成首次登录。",
  registration: "请在获取验证码的页面输入，以完成账号注册。",
  registration_of_known: "您已有账号，此验证码可用于登录。请在获取验证码的页面输入。",
  verify_email: "请在获取验证码的页面输入，以确认此邮箱属于您。",
  verify_phone: "请在获取验证码的页面输入，以确认此电话号码属于您。",
};

const changes: Record<Notice, (appName: string) => string> = {
  email_changed: (appName) => `您的 ${appName} 账号邮箱已更改`,
  email_removed: (appName) => `您的 ${appName} 账号邮箱已移除`,
  phone_changed: (appName) => `您的 ${appName} 账号电话号码已更改`,
  phone_removed: (appName) => `您的 ${appName} 账号电话号码已移除`,
};

const known = (wording: Wording) => (wording === "registration_of_known" ? "您已有账号。" : "");

/** Simplified characters. */
export const zh: Texts = {
  language: "zh",
  direction: "ltr",
  smsAlphabet: "ucs2",
  headline: (wording, { appName }) => `是您的 ${appName} ${kinds[wording]}`,
  explanation: (wording) => explanations[wording],
  validity: ({ minutes }) => `有效期为 ${minutes} 分钟，仅可使用一次。`,
  warning: () => "如非本人操作，请忽略本消息。请勿将验证码告诉任何人，包括自称是我们工作人员的人。",
  notMe: () => ({
    sentence: "如果有人冒用您的名义获取或使用了此验证码，您可以将其作废并终止相应的登录。",
    label: "不是我本人操作",
  }),
  sms: (wording, { code, appName, minutes }) =>
    `${code} 是您的 ${appName} ${kinds[wording]}，${minutes} 分钟内有效。${known(wording)}如非本人操作，请忽略。请勿告诉他人。`,
  smsShort: (wording, { code, appName, minutes }) =>
    `${code} 是您的 ${appName} ${kinds[wording]}，${minutes} 分钟内有效。请勿告诉他人。`,
  voice: (wording, { code, appName }) =>
    `您好，您的 ${appName} ${kinds[wording]}是：${code}。再说一遍，${code}。${known(wording)}请勿告诉他人。再见。`,
  notice: (notice, { appName, days }) => ({
    subject: changes[notice](appName),
    explanation: "如果是您本人操作，则无需采取任何措施。",
    sentence: `如果不是，请在 ${days} 天内撤销此更改。系统将恢复您原来的信息，并退出所有设备上的登录。`,
    label: "撤销更改",
  }),
  noticeSms: (notice, { appName, days, url }) => `${changes[notice](appName)}。非本人操作？请在 ${days} 天内撤销：${url}`,
};
