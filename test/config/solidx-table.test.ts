import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { describeSettings, readSettings } from "../../src/config/settings.js";

const base = {
  LATCHKEY_MODE: "development",
  LATCHKEY_PEPPER: randomBytes(32).toString("base64"),
  LATCHKEY_MASTER_KEY: randomBytes(32).toString("base64"),
};
const files = { readText: () => "" };

function settingsOf(env: Record<string, string>) {
  const result = readSettings({ ...base, ...env }, { files });
  if (!result.ok) throw new Error(result.problems.join("\n"));
  return result.settings.dialectSettings;
}

function problemsOf(env: Record<string, string>) {
  const result = readSettings({ ...base, ...env }, { files });
  return result.ok ? [] : result.problems;
}

describe("SolidX's variables", () => {
  const LATCHKEY_SOLIDX_APP = "venue";

  it("are a policy of the app that is named", () => {
    expect(settingsOf({})).toBeNull();
    expect(settingsOf({ LATCHKEY_SOLIDX_APP })).toEqual({ dialect: "solidx", appId: "venue", policy: {} });
    const all = {
      LATCHKEY_SOLIDX_APP,
      IAM_PASSWORD_LESS_REGISTRATION: "false",
      IAM_OTP_EXPIRY: "7",
      IAM_PASSWORD_LESS_REGISTRATION_VALIDATE_WHAT: "mobile",
      IAM_PASSWORD_LESS_LOGIN_VALIDATE_WHAT: "email",
    };
    expect(settingsOf(all)?.policy).toEqual({
      registration: false,
      codeSignIn: false,
      codeTtlMs: 7 * 60_000,
      defaultSources: ["phone"],
      defaultChannel: "email",
    });
  });

  it.each([
    ["email", ["email"]],
    ["both", ["email", "phone"]],
    ["mobile, email", ["email", "phone"]],
  ])("a registration validates %s", (text, sources) => {
    const policy = settingsOf({ LATCHKEY_SOLIDX_APP, IAM_PASSWORD_LESS_REGISTRATION_VALIDATE_WHAT: text })?.policy;
    expect(policy).toEqual({ defaultSources: sources });
  });

  it("selectable decides nothing", () => {
    expect(settingsOf({ LATCHKEY_SOLIDX_APP, IAM_PASSWORD_LESS_LOGIN_VALIDATE_WHAT: "selectable" })?.policy).toEqual({});
  });

  it("are all reported if they are wrong, together with other settings", () => {
    const wrong = {
      LATCHKEY_SOLIDX_APP: "Venue",
      LATCHKEY_CODE_TTL: "soon",
      IAM_PASSWORD_LESS_REGISTRATION: "yes",
      IAM_OTP_EXPIRY: "60",
      IAM_PASSWORD_LESS_REGISTRATION_VALIDATE_WHAT: "fax",
      IAM_PASSWORD_LESS_LOGIN_VALIDATE_WHAT: "both",
    };
    const problems = problemsOf(wrong);
    expect(problems).toHaveLength(Object.keys(wrong).length);
    for (const name of Object.keys(wrong)) expect(problems).toContainEqual(expect.stringMatching(new RegExp(`^${name} must `)));
  });

  it("need their app", () => {
    expect(problemsOf({ IAM_OTP_EXPIRY: "5" })).toEqual([
      "IAM_OTP_EXPIRY applies to one app: name it in LATCHKEY_SOLIDX_APP, or remove the variable.",
    ]);
  });

  it("are shown", () => {
    const { settings } = describeSettings({ ...base, LATCHKEY_SOLIDX_APP, IAM_OTP_EXPIRY: "7" }, { files });
    const shown = settings.filter(({ topic }) => topic === "SolidX").map(({ name, inEffect }) => [name, inEffect]);
    expect(shown).toEqual([
      ["LATCHKEY_SOLIDX_APP", "venue"],
      ["IAM_PASSWORD_LESS_REGISTRATION", "true"],
      ["IAM_OTP_EXPIRY", "7"],
      ["IAM_PASSWORD_LESS_REGISTRATION_VALIDATE_WHAT", "email"],
      ["IAM_PASSWORD_LESS_LOGIN_VALIDATE_WHAT", "selectable"],
    ]);
  });
});
