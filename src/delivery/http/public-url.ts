import { hostOf } from "../../lib/host.js";
import { isLoopback } from "../../lib/listen.js";

/** Returns whether a carrier may reach this URL: loopback is this machine only, and carriers refuse a message that names it for reports. */
export function isPublicUrl(url: string): boolean {
  return URL.canParse(url) && !isLoopback(hostOf(new URL(url)));
}
