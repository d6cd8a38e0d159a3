import type { Notice, Texts, Wording } from "./texts.js";

const kinds: Record<Wording, string> = {
  login: "ログインコード",
  invitation: "招待コード",
  registration: "登録コード",
  registration_of_known: "ログインコード",
  verify_email: "確認コード",
  verify_phone: "確認コード",
};

const explanations: Record<Wording, string> = {
  login: "ログインするには、コードをリクエストした画面に入力してください。",
  invitation: "ご招待が届いています。初めてログインするには、このコードを入力してください。",
  registration: "アカウントの作成を完了するには、コードをリクエストした画面に入力してください。",
  registration_of_known:
    "すでにアカウントをお持ちのため、このコードでログインできます。コードをリクエストした画面に入力してください。",
  verify_email: "このメールアドレスがご本人のものであることを確認するため、コードをリクエストした画面に入力してください。",
  verify_phone: "この電話番号がご本人のものであることを確認するため、コードをリクエストした画面に入力してください。",
};

const changes: Record<Notice, (appName: string) => string> = {
  email_changed: (appName) => `${appName} アカウントのメールアドレスが変更されました`,
  email_removed: (appName) => `${appName} アカウントのメールアドレスが削除されました`,
  phone_changed: (appName) => `${appName} アカウントの電話番号が変更されました`,
  phone_removed: (appName) => `${appName} アカウントの電話番号が削除されました`,
};

const known = (wording: Wording) => (wording === "registration_of_known" ? "すでにアカウントをお持ちです。" : "");

export const ja: Texts = {
  language: "ja",
  direction: "ltr",
  smsAlphabet: "ucs2",
  headline: (wording, { appName }) => `が ${appName} の${kinds[wording]}です`,
  explanation: (wording) => explanations[wording],
  validity: ({ minutes }) => `コードは ${minutes} 分間有効で、1 回のみ使用できます。`,
  warning: () =>
    "このコードをリクエストしていない場合は、このメッセージを無視してください。弊社の関係者を名乗る相手を含め、コードを誰にも教えないでください。",
  notMe: () => ({
    sentence: "第三者がこのコードをリクエストまたは使用した場合は、コードを無効にしてログインを終了できます。",
    label: "心当たりがありません",
  }),
  sms: (wording, { code, appName, minutes }) =>
    `${code} が ${appName} の${kinds[wording]}です（${minutes} 分間有効）。${known(wording)}他人に教えないでください。`,
  smsShort: (wording, { code, appName }) => `${code} が ${appName} の${kinds[wording]}です。他人に教えないでください。`,
  voice: (wording, { code, appName }) =>
    `こんにちは。${appName} の${kinds[wording]}は、${code} です。繰り返します。コードは、${code} です。${known(wording)}このコードを誰にも教えないでください。失礼いたします。`,
  notice: (notice, { appName, days }) => ({
    subject: changes[notice](appName),
    explanation: "ご自身で変更した場合は、何もする必要はありません。",
    sentence: `心当たりがない場合は、${days} 日以内に変更を取り消してください。以前の情報が復元され、すべての端末からログアウトされます。`,
    label: "変更を取り消す",
  }),
  noticeSms: (notice, { appName, days, url }) =>
    `${changes[notice](appName)}。心当たりがない場合は ${days} 日以内に取り消してください：${url}`,
};
