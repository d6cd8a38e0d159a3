import { originProblem } from "../lib/origin.js";
import { type AppRecord, audienceOf } from "../model/app.js";
import type { FieldViolation } from "../model/violation.js";

const idForm = /^[a-z][a-z0-9-]{1,31}$/;
const idProblem = "must be a lower-case letter, then 1 to 31 lower-case letters, digits and hyphens";
const emailForm = /^[^\s@<>]{1,64}@[^\s@<>]+\.[^\s@<>]+$/;

type Fields = Omit<AppRecord, "number" | "createdAt" | "policy" | "state">;

/** Returns what is wrong with an app. Fields are named as in the API. */
export function appViolations(app: Fields, issuer: string): FieldViolation[] {
  const violations: FieldViolation[] = [];
  const check = (field: string, isGood: boolean, description: string): void => {
    if (!isGood) violations.push({ field, description });
  };
  check("app_id", idForm.test(app.appId), idProblem);
  check("pool_id", idForm.test(app.poolId), idProblem);
  check(
    "display_name",
    isLine(app.displayName, 40),
    "must be at most 40 characters, without line breaks and control characters",
  );
  check(
    "logo_url",
    app.logoUrl === "" || isHttpsUrl(app.logoUrl),
    "must be an https URL such as https://shop.example.com/logo.png",
  );
  const { supportAddress } = app;
  check(
    "support_address",
    supportAddress === "" || (isPrintable(supportAddress, 254) && emailForm.test(supportAddress)) || isHttpsUrl(supportAddress),
    "must be an e-mail address such as help@example.com, or an https URL",
  );
  check("audience", isPrintable(app.audience, 255), "must be at most 255 printable ASCII characters without spaces");
  check(
    "audience",
    !isForeignAudience(app, issuer),
    "is reserved, as every URL below the issuer: leave it out, or choose another such as https://api.example.com",
  );
  return [...violations, ...originViolations(app.allowedOrigins), ...roleViolations(app.roles)];
}

const rolesMax = 64;

function roleViolations(roles: readonly string[]): FieldViolation[] {
  const violations: FieldViolation[] = [];
  if (roles.length > rolesMax) violations.push({ field: "roles", description: `must have at most ${rolesMax} items` });
  roles.forEach((role, index) => {
    const field = `roles[${index}]`;
    if (!/^[A-Za-z0-9._:-]{1,32}$/.test(role)) {
      violations.push({ field, description: "must be 1 to 32 letters, digits and the characters . _ : -" });
    }
    if (roles.indexOf(role) < index) violations.push({ field, description: "is in the list twice" });
  });
  return violations;
}

/** Audiences below the issuer belong to the apps that they name. */
function isForeignAudience(app: Pick<AppRecord, "appId" | "audience">, issuer: string): boolean {
  const { appId, audience } = app;
  const reserved = audience === issuer || audience.startsWith(`${issuer}/`);
  return reserved && audience !== audienceOf({ appId, audience: "" }, issuer);
}

/** Returns what is wrong with a list of origins. */
export function originViolations(origins: readonly string[]): FieldViolation[] {
  return origins.flatMap((origin, index) => {
    const description = originProblem(origin);
    return description === null ? [] : [{ field: `allowed_origins[${index}]`, description }];
  });
}

/** Returns whether a text is at most `max` characters, without line breaks, control and invisible characters. */
export function isLine(text: string, max: number): boolean {
  return [...text].length <= max && !/[\p{C}\p{Zl}\p{Zp}]/u.test(text) && text.trim() === text;
}

/** Returns whether a text is at most `max` printable ASCII characters without spaces. It may be empty. */
export function isPrintable(text: string, max: number): boolean {
  return text.length <= max && /^[\x21-\x7e]*$/.test(text);
}

function isHttpsUrl(text: string): boolean {
  if (!/^https:\/\/[\x21-\x7e]+$/.test(text) || !URL.canParse(text)) return false;
  const { username, password } = new URL(text);
  return username === "" && password === "";
}
