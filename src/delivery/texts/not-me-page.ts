/** The sentences of the page behind the link "this was not me". They are HTML, and no value is ever put into them. */
export interface NotMePageTexts {
  readonly title: string;
  readonly question: string;
  readonly button: string;
  /** Says what has happened, for every link alike. */
  readonly done: string;
  /** Says that nothing has happened, because the server could not answer in time. */
  readonly failed: string;
}

const texts = {
  en: {
    title: "This was not me",
    question:
      "Did you receive a code that you did not request? Press the button. The code stops working, and sign-ins made with it end.",
    button: "This was not me",
    done: "Done. The code no longer works, and sign-ins made with it have ended. You can close this page.",
    failed: "This did not work. Please press the button again in a minute.",
  },
  de: {
    title: "Das war ich nicht",
    question:
      "Haben Sie einen Code erhalten, den Sie nicht angefordert haben? Bestätigen Sie es hier. Der Code wird ungültig, und Anmeldungen mit diesem Code werden beendet.",
    button: "Das war ich nicht",
    done: "Erledigt. Der Code ist ungültig, und Anmeldungen mit diesem Code sind beendet. Sie können diese Seite schließen.",
    failed: "Das hat nicht geklappt. Bitte versuchen Sie es in einer Minute noch einmal.",
  },
  fr: {
    title: "Ce n’était pas moi",
    question:
      "Avez-vous reçu un code que vous n’avez pas demandé ? Appuyez sur le bouton. Le code ne fonctionnera plus, et les connexions faites avec ce code seront fermées.",
    button: "Ce n’était pas moi",
    done: "C’est fait. Le code ne fonctionne plus, et les connexions faites avec ce code sont fermées. Vous pouvez fermer cette page.",
    failed: "Cela n’a pas fonctionné. Appuyez de nouveau sur le bouton dans une minute.",
  },
  es: {
    title: "No fui yo",
    question:
      "¿Recibiste un código que no solicitaste? Pulsa el botón. El código dejará de funcionar y se cerrarán las sesiones iniciadas con él.",
    button: "No fui yo",
    done: "Hecho. El código ya no funciona y las sesiones iniciadas con él se han cerrado. Puedes cerrar esta página.",
    failed: "No ha funcionado. Vuelve a pulsar el botón en un minuto.",
  },
  pt: {
    title: "Não fui eu",
    question:
      "Recebeu um código que não pediu? Toque no botão. O código deixa de funcionar e as sessões iniciadas com ele são encerradas.",
    button: "Não fui eu",
    done: "Feito. O código já não funciona e as sessões iniciadas com ele foram encerradas. Pode fechar esta página.",
    failed: "Não foi possível. Toque novamente no botão em um minuto.",
  },
  it: {
    title: "Non ero io",
    question:
      "Hai ricevuto un codice che non hai richiesto? Premi il pulsante. Il codice smetterà di funzionare e gli accessi fatti con questo codice saranno chiusi.",
    button: "Non ero io",
    done: "Fatto. Il codice non funziona più e gli accessi fatti con questo codice sono chiusi. Puoi chiudere questa pagina.",
    failed: "Non ha funzionato. Premi di nuovo il pulsante tra un minuto.",
  },
  nl: {
    title: "Dit was ik niet",
    question:
      "Heb je een code ontvangen die je niet hebt aangevraagd? Druk op de knop. De code werkt dan niet meer en sessies die ermee zijn gestart, worden beëindigd.",
    button: "Dit was ik niet",
    done: "Klaar. De code werkt niet meer, en sessies die ermee zijn gestart, zijn beëindigd. Je kunt deze pagina sluiten.",
    failed: "Dat is niet gelukt. Druk over een minuut nog eens op de knop.",
  },
  pl: {
    title: "To nie ja",
    question:
      "Dotarł do Ciebie kod, o który nie prosisz? Naciśnij przycisk. Kod przestanie działać, a zalogowane nim sesje zostaną zakończone.",
    button: "To nie ja",
    done: "Gotowe. Kod już nie działa, a zalogowane nim sesje zostały zakończone. Możesz zamknąć tę stronę.",
    failed: "Nie udało się. Naciśnij przycisk ponownie za minutę.",
  },
  tr: {
    title: "Bu ben değildim",
    question: "Talep etmediğiniz bir kod mu aldınız? Düğmeye basın. Kod artık çalışmaz ve bu kodla açılan oturumlar kapatılır.",
    button: "Bu ben değildim",
    done: "Tamamlandı. Kod artık çalışmıyor ve bu kodla açılan oturumlar kapatıldı. Bu sayfayı kapatabilirsiniz.",
    failed: "İşlem yapılamadı. Lütfen bir dakika sonra düğmeye yeniden basın.",
  },
  ar: {
    title: "لم أكن أنا",
    question: "هل وصلك رمز لم تطلبه؟ اضغط الزر. سيتوقف الرمز عن العمل، وستنتهي كل جلسة بدأت به.",
    button: "لم أكن أنا",
    done: "تم. لم يعد الرمز يعمل، وانتهت كل جلسة بدأت به. يمكنك إغلاق هذه الصفحة.",
    failed: "لم ينجح ذلك. اضغط الزر مرة أخرى بعد دقيقة.",
  },
  hi: {
    title: "यह मैंने नहीं किया",
    question:
      "क्या आपको ऐसा कोड मिला जो आपने नहीं माँगा था? बटन दबाएँ। कोड काम करना बंद कर देगा, और उससे किया गया साइन-इन समाप्त हो जाएगा।",
    button: "यह मैंने नहीं किया",
    done: "हो गया। कोड अब काम नहीं करता, और उससे किए गए साइन-इन समाप्त हो गए हैं। आप यह पेज बंद कर सकते हैं।",
    failed: "यह नहीं हो सका। कृपया एक मिनट बाद बटन फिर से दबाएँ।",
  },
  sw: {
    title: "Haikuwa mimi",
    question:
      "Je, umepokea msimbo ambao hukuomba? Bonyeza kitufe. Msimbo hautafanya kazi tena, na vipindi vilivyoanzishwa nao vitafungwa.",
    button: "Haikuwa mimi",
    done: "Imekamilika. Msimbo haufanyi kazi tena, na vipindi vilivyoanzishwa nao vimefungwa. Unaweza kufunga ukurasa huu.",
    failed: "Haikufaulu. Tafadhali bonyeza kitufe tena baada ya dakika moja.",
  },
  zh: {
    title: "不是我本人操作",
    question: "您是否收到了并非由您请求的验证码？请按下按钮。该验证码将失效，使用它登录的会话将被终止。",
    button: "不是我本人操作",
    done: "已完成。该验证码已失效，使用它登录的会话已终止。您可以关闭此页面。",
    failed: "操作未成功。请在一分钟后再次按下按钮。",
  },
  ja: {
    title: "心当たりがありません",
    question:
      "ご自身でリクエストしていないコードが届きましたか。ボタンを押してください。コードは無効になり、そのコードでのログインは終了します。",
    button: "心当たりがありません",
    done: "完了しました。コードは無効になり、そのコードでのログインは終了しました。このページを閉じてかまいません。",
    failed: "処理できませんでした。1分後にもう一度ボタンを押してください。",
  },
} as const satisfies Record<string, NotMePageTexts>;

type Language = keyof typeof texts;

/** The languages of the page, as BCP 47 tags. */
export const notMePageLanguages = Object.keys(texts) as readonly Language[];

/** Returns the sentences of a language of the page. */
export function notMePageTexts(language: Language): NotMePageTexts {
  return texts[language];
}

/** Returns the first language of the page among the tags, or English if there is none. Any text is safe as a tag. */
export function notMePageLanguage(tags: readonly string[]): Language {
  for (const tag of tags) {
    const language = tag.slice(0, 35).trim().toLowerCase().split(/[-_;]/, 1)[0];
    const known = notMePageLanguages.find((one) => one === language);
    if (known !== undefined) return known;
  }
  return "en";
}
