import { createHash } from "node:crypto";
import type { Dialect } from "./dialect.js";

/** The ids that a client of Twilio's has. */
export interface TwilioIds {
  readonly accountSid: string;
  readonly serviceSid: string;
}

/** Returns the ids that stand for a client and its app in calls through Twilio's paths. They are the same at any time. */
export function twilioIdsOf(client: { readonly clientId: string; readonly appId: string }): TwilioIds {
  return { accountSid: `AC${digest("account", client.clientId)}`, serviceSid: serviceSidOf(client.appId) };
}

export function serviceSidOf(appId: string): string {
  return `VA${digest("service", appId)}`;
}

/** Returns the ids in a vendor's form that are accepted wherever the id of the client is. Aliases come before them. */
export function vendorIdsOf(client: {
  readonly clientId: string;
  readonly appId: string;
  readonly dialects: readonly Dialect[];
}): readonly string[] {
  return client.dialects.includes("twilio") ? [twilioIdsOf(client).accountSid] : [];
}

function digest(kind: string, id: string): string {
  return createHash("sha256").update(`twilio ${kind} ${id}`).digest("hex").slice(0, 32);
}
