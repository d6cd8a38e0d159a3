import { quote } from "./escape.js";

/** Returns why a text is not one exact web origin (scheme, host and port), or null. */
export function originProblem(text: string): string | null {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !["http:", "https:"].includes(url.protocol) || text.includes("*")) {
    return "must be an exact origin such as https://app.example.com, without a wildcard";
  }
  return url.origin === text ? null : `must be a bare origin in lower case without a path: write ${quote(url.origin)}`;
}
