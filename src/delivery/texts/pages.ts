/** The sentences of a page behind a link. They are HTML, and no value is ever put into them. */
export interface PageTexts {
  readonly title: string;
  readonly question: string;
  readonly button: string;
  /** Says what has happened, for every link alike. */
  readonly done: string;
  /** Says that nothing has happened, because the server could not answer in time. */
  readonly failed: string;
}

/** `notMe`: ends a code that was not requested. `takeBack`: takes a removed contact back. */
export type PageName = "notMe" | "takeBack";

type Texts = Readonly<Record<PageName, Omit<PageTexts, "failed">>> & Pick<PageTexts, "failed">;

const texts = {
  en: {
    notMe: {
      title: "This was not me",
      question:
        "Did you receive a code that you did not request? Press the button. The code stops working, and sign-ins made with it end.",
      button: "This was not me",
      done: "Done. The code no longer works, and sign-ins made with it have ended. You can close this page.",
    },
    takeBack: {
      title: "Take a contact back",
      question:
        "Was a contact removed from your account without your consent? Press the button. The contact belongs to your account again, contacts that were added since are removed, and all sign-ins end.",
      button: "Take it back",
      done: "Done. If the link is valid and nobody else has confirmed the contact since, it belongs to your account again. Please sign in again.",
    },
    failed: "This did not work. Please press the button again in a minute.",
  },
  de: {
    notMe: {
      title: "Das war ich nicht",
      question:
        "Haben Sie einen Code erhalten, den Sie nicht angefordert haben? Bestätigen Sie es hier. Der Code wird ungültig, und Anmeldungen mit diesem Code werden beendet.",
      button: "Das war ich nicht",
      done: "Erledigt. Der Code ist ungültig, und Anmeldungen mit diesem Code sind beendet. Sie können diese Seite schließen.",
    },
    takeBack: {
      title: "Kontakt zurückholen",
      question:
        "Wurde ein Kontakt aus Ihrem Konto entfernt, und Sie waren das nicht? Bestätigen Sie es hier. Der Kontakt gehört dann wieder zu Ihrem Konto, seitdem hinzugefügte Kontakte werden entfernt, und alle Anmeldungen werden beendet.",
      button: "Zurückholen",
      done: "Erledigt. Wenn der Link gültig ist und niemand sonst den Kontakt seitdem bestätigt hat, gehört er wieder zu Ihrem Konto. Bitte melden Sie sich neu an.",
    },
    failed: "Das hat nicht geklappt. Bitte versuchen Sie es in einer Minute noch einmal.",
  },
  fr: {
    notMe: {
      title: "Ce n’était pas moi",
      question:
        "Avez-vous reçu un code que vous n’avez pas demandé ? Appuyez sur le bouton. Le code ne fonctionnera plus, et les connexions faites avec ce code seront fermées.",
      button: "Ce n’était pas moi",
      done: "C’est fait. Le code ne fonctionne plus, et les connexions faites avec ce code sont fermées. Vous pouvez fermer cette page.",
    },
    takeBack: {
      title: "Récupérer un contact",
      question:
        "Un contact a-t-il été retiré de votre compte sans que ce soit vous ? Appuyez sur le bouton. Le contact sera de nouveau lié à votre compte, les contacts ajoutés depuis seront retirés et toutes les connexions seront fermées.",
      button: "Récupérer",
      done: "C’est fait. Si le lien est valable et si personne d’autre n’a confirmé ce contact depuis, il est de nouveau lié à votre compte. Veuillez vous reconnecter.",
    },
    failed: "Cela n’a pas fonctionné. Appuyez de nouveau sur le bouton dans une minute.",
  },
  es: {
    notMe: {
      title: "No fui yo",
      question:
        "¿Recibiste un código que no solicitaste? Pulsa el botón. El código dejará de funcionar y se cerrarán las sesiones iniciadas con él.",
      button: "No fui yo",
      done: "Hecho. El código ya no funciona y las sesiones iniciadas con él se han cerrado. Puedes cerrar esta página.",
    },
    takeBack: {
      title: "Recuperar un contacto",
      question:
        "¿Se eliminó un contacto de tu cuenta y no fuiste tú? Pulsa el botón. El contacto volverá a tu cuenta, se eliminarán los contactos añadidos desde entonces y se cerrarán todas las sesiones.",
      button: "Recuperar",
      done: "Hecho. Si el enlace es válido y nadie más ha confirmado el contacto desde entonces, vuelve a estar en tu cuenta. Inicia sesión de nuevo.",
    },
    failed: "No ha funcionado. Vuelve a pulsar el botón en un minuto.",
  },
  pt: {
    notMe: {
      title: "Não fui eu",
      question:
        "Recebeu um código que não pediu? Toque no botão. O código deixa de funcionar e as sessões iniciadas com ele são encerradas.",
      button: "Não fui eu",
      done: "Feito. O código já não funciona e as sessões iniciadas com ele foram encerradas. Pode fechar esta página.",
    },
    takeBack: {
      title: "Recuperar um contacto",
      question:
        "Um contacto foi removido da sua conta e não foi por si? Toque no botão. O contacto volta a pertencer à sua conta, os contactos adicionados desde então são removidos e todas as sessões são encerradas.",
      button: "Recuperar",
      done: "Feito. Se a ligação for válida e mais ninguém tiver confirmado o contacto desde então, ele voltou a pertencer à sua conta. Inicie sessão novamente.",
    },
    failed: "Não foi possível. Toque novamente no botão em um minuto.",
  },
  it: {
    notMe: {
      title: "Non ero io",
      question:
        "Hai ricevuto un codice che non hai richiesto? Premi il pulsante. Il codice smetterà di funzionare e gli accessi fatti con questo codice saranno chiusi.",
      button: "Non ero io",
      done: "Fatto. Il codice non funziona più e gli accessi fatti con questo codice sono chiusi. Puoi chiudere questa pagina.",
    },
    takeBack: {
      title: "Recuperare un contatto",
      question:
        "Un contatto è stato rimosso dal tuo account, ma non da te? Premi il pulsante. Il contatto tornerà al tuo account, i contatti aggiunti da allora saranno rimossi e tutti gli accessi saranno chiusi.",
      button: "Recupera",
      done: "Fatto. Se il link è valido e nessun altro ha confermato il contatto da allora, il contatto appartiene di nuovo al tuo account. Accedi di nuovo.",
    },
    failed: "Non ha funzionato. Premi di nuovo il pulsante tra un minuto.",
  },
  nl: {
    notMe: {
      title: "Dit was ik niet",
      question:
        "Heb je een code ontvangen die je niet hebt aangevraagd? Druk op de knop. De code werkt dan niet meer en sessies die ermee zijn gestart, worden beëindigd.",
      button: "Dit was ik niet",
      done: "Klaar. De code werkt niet meer, en sessies die ermee zijn gestart, zijn beëindigd. Je kunt deze pagina sluiten.",
    },
    takeBack: {
      title: "Een contact terughalen",
      question:
        "Is er een contact uit je account verwijderd, maar niet door jou? Druk op de knop. Het contact hoort dan weer bij je account, contacten die sindsdien zijn toegevoegd worden verwijderd, en alle sessies worden beëindigd.",
      button: "Terughalen",
      done: "Klaar. Als de link geldig is en niemand anders het contact sindsdien heeft bevestigd, hoort het weer bij je account. Log opnieuw in.",
    },
    failed: "Dat is niet gelukt. Druk over een minuut nog eens op de knop.",
  },
  pl: {
    notMe: {
      title: "To nie ja",
      question:
        "Dotarł do Ciebie kod, o który nie prosisz? Naciśnij przycisk. Kod przestanie działać, a zalogowane nim sesje zostaną zakończone.",
      button: "To nie ja",
      done: "Gotowe. Kod już nie działa, a zalogowane nim sesje zostały zakończone. Możesz zamknąć tę stronę.",
    },
    takeBack: {
      title: "Przywróć kontakt",
      question:
        "Czy z Twojego konta usunięto kontakt, a nie była to Twoja decyzja? Naciśnij przycisk. Kontakt wróci do Twojego konta, kontakty dodane od tego czasu zostaną usunięte, a wszystkie sesje zakończone.",
      button: "Przywróć",
      done: "Gotowe. Jeśli link jest ważny i nikt inny nie potwierdził od tego czasu tego kontaktu, należy on znowu do Twojego konta. Zaloguj się ponownie.",
    },
    failed: "Nie udało się. Naciśnij przycisk ponownie za minutę.",
  },
  tr: {
    notMe: {
      title: "Bu ben değildim",
      question:
        "Talep etmediğiniz bir kod mu aldınız? Düğmeye basın. Kod artık çalışmaz ve bu kodla açılan oturumlar kapatılır.",
      button: "Bu ben değildim",
      done: "Tamamlandı. Kod artık çalışmıyor ve bu kodla açılan oturumlar kapatıldı. Bu sayfayı kapatabilirsiniz.",
    },
    takeBack: {
      title: "İletişim bilgisini geri al",
      question:
        "Hesabınızdan bir iletişim bilgisi kaldırıldı ve bunu siz yapmadınız mı? Düğmeye basın. Bilgi yeniden hesabınıza ait olur, o zamandan beri eklenen bilgiler kaldırılır ve tüm oturumlar kapatılır.",
      button: "Geri al",
      done: "Tamamlandı. Bağlantı geçerliyse ve o zamandan beri başka kimse bu bilgiyi onaylamadıysa, bilgi yeniden hesabınıza aittir. Lütfen yeniden oturum açın.",
    },
    failed: "İşlem yapılamadı. Lütfen bir dakika sonra düğmeye yeniden basın.",
  },
  ar: {
    notMe: {
      title: "لم أكن أنا",
      question: "هل وصلك رمز لم تطلبه؟ اضغط الزر. سيتوقف الرمز عن العمل، وستنتهي كل جلسة بدأت به.",
      button: "لم أكن أنا",
      done: "تم. لم يعد الرمز يعمل، وانتهت كل جلسة بدأت به. يمكنك إغلاق هذه الصفحة.",
    },
    takeBack: {
      title: "استعادة جهة اتصال",
      question:
        "هل أزيلت جهة اتصال من حسابك ولم تفعل ذلك أنت؟ اضغط الزر. ستعود جهة الاتصال إلى حسابك، وتزال جهات الاتصال التي أضيفت بعد ذلك، وتنتهي كل الجلسات.",
      button: "استعادة",
      done: "تم. إذا كان الرابط صالحًا ولم يؤكد شخص آخر جهة الاتصال بعد ذلك، فقد عادت إلى حسابك. يرجى تسجيل الدخول من جديد.",
    },
    failed: "لم ينجح ذلك. اضغط الزر مرة أخرى بعد دقيقة.",
  },
  hi: {
    notMe: {
      title: "यह मैंने नहीं किया",
      question:
        "क्या आपको ऐसा कोड मिला जो आपने नहीं माँगा था? बटन दबाएँ। कोड काम करना बंद कर देगा, और उससे किया गया साइन-इन समाप्त हो जाएगा।",
      button: "यह मैंने नहीं किया",
      done: "हो गया। कोड अब काम नहीं करता, और उससे किए गए साइन-इन समाप्त हो गए हैं। आप यह पेज बंद कर सकते हैं।",
    },
    takeBack: {
      title: "संपर्क वापस लें",
      question:
        "क्या आपके खाते से कोई संपर्क हटाया गया, और यह आपने नहीं किया? बटन दबाएँ। संपर्क फिर से आपके खाते का होगा, उसके बाद जोड़े गए संपर्क हटा दिए जाएँगे, और सभी साइन-इन समाप्त हो जाएँगे।",
      button: "वापस लें",
      done: "हो गया। यदि लिंक मान्य है और तब से किसी और ने इस संपर्क की पुष्टि नहीं की है, तो यह फिर से आपके खाते का है। कृपया फिर से साइन इन करें।",
    },
    failed: "यह नहीं हो सका। कृपया एक मिनट बाद बटन फिर से दबाएँ।",
  },
  sw: {
    notMe: {
      title: "Haikuwa mimi",
      question:
        "Je, umepokea msimbo ambao hukuomba? Bonyeza kitufe. Msimbo hautafanya kazi tena, na vipindi vilivyoanzishwa nao vitafungwa.",
      button: "Haikuwa mimi",
      done: "Imekamilika. Msimbo haufanyi kazi tena, na vipindi vilivyoanzishwa nao vimefungwa. Unaweza kufunga ukurasa huu.",
    },
    takeBack: {
      title: "Rudisha mawasiliano",
      question:
        "Je, mawasiliano yameondolewa kwenye akaunti yako, na si wewe uliyefanya hivyo? Bonyeza kitufe. Mawasiliano yatarudi kwenye akaunti yako, yaliyoongezwa baadaye yataondolewa, na vipindi vyote vitafungwa.",
      button: "Rudisha",
      done: "Imekamilika. Ikiwa kiungo ni halali na hakuna mtu mwingine aliyethibitisha mawasiliano hayo tangu wakati huo, yamerudi kwenye akaunti yako. Tafadhali ingia tena.",
    },
    failed: "Haikufaulu. Tafadhali bonyeza kitufe tena baada ya dakika moja.",
  },
  zh: {
    notMe: {
      title: "不是我本人操作",
      question: "您是否收到了并非由您请求的验证码？请按下按钮。该验证码将失效，使用它登录的会话将被终止。",
      button: "不是我本人操作",
      done: "已完成。该验证码已失效，使用它登录的会话已终止。您可以关闭此页面。",
    },
    takeBack: {
      title: "恢复联系方式",
      question:
        "您的账户中是否有联系方式被移除，而这并非您本人操作？请按下按钮。该联系方式将重新属于您的账户，此后添加的联系方式将被移除，所有会话将被终止。",
      button: "恢复",
      done: "已完成。如果链接有效，且此后没有其他人验证过该联系方式，它已重新属于您的账户。请重新登录。",
    },
    failed: "操作未成功。请在一分钟后再次按下按钮。",
  },
  ja: {
    notMe: {
      title: "心当たりがありません",
      question:
        "ご自身でリクエストしていないコードが届きましたか。ボタンを押してください。コードは無効になり、そのコードでのログインは終了します。",
      button: "心当たりがありません",
      done: "完了しました。コードは無効になり、そのコードでのログインは終了しました。このページを閉じてかまいません。",
    },
    takeBack: {
      title: "連絡先を元に戻す",
      question:
        "心当たりがないのに、アカウントから連絡先が削除されましたか。ボタンを押してください。連絡先はアカウントに戻り、その後に追加された連絡先は削除され、すべてのログインが終了します。",
      button: "元に戻す",
      done: "完了しました。リンクが有効で、その後ほかの人がこの連絡先を確認していなければ、連絡先はアカウントに戻っています。もう一度ログインしてください。",
    },
    failed: "処理できませんでした。1分後にもう一度ボタンを押してください。",
  },
} as const satisfies Record<string, Texts>;

export type PageLanguage = keyof typeof texts;

/** The languages of the pages, as BCP 47 tags. */
export const pageLanguages = Object.keys(texts) as readonly PageLanguage[];

/** Returns the sentences of a page in a language. */
export function pageTexts(page: PageName, language: PageLanguage): PageTexts {
  return { ...texts[language][page], failed: texts[language].failed };
}

/** Returns the first language of the pages among the tags, or English if there is none. Any text is safe as a tag. */
export function pageLanguage(tags: readonly string[]): PageLanguage {
  for (const tag of tags) {
    const language = tag.slice(0, 35).trim().toLowerCase().split(/[-_;]/, 1)[0];
    const known = pageLanguages.find((one) => one === language);
    if (known !== undefined) return known;
  }
  return "en";
}
