import type { MessageApp } from "../delivery/deliver.js";
import type { App } from "../model/app.js";
import { noWording } from "../model/wording.js";

/** Returns what messages take from their app. Null: an app that the directory does not know yet. */
export function messageAppOf(
  app: Pick<App, "displayName" | "logoUrl" | "supportAddress" | "wording"> | null,
  appName: string,
): MessageApp {
  const { senderName, accentColor, autofill, texts } = app?.wording ?? noWording;
  const { logoUrl, supportAddress } = app ?? { logoUrl: "", supportAddress: "" };
  const brand = { appName: app?.displayName || appName, logoUrl, accentColor, supportAddress };
  // The operator may have named the sender in the carrier's settings.
  const ownName = brand.appName === appName ? "" : brand.appName;
  return { brand, texts, senderName: senderName || ownName, autofill };
}
