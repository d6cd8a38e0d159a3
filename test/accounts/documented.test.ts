import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readHookAnswer } from "../../src/accounts/hook-answer.js";
import { json } from "./hook-server.js";
import { startHookedApp } from "./hooked-app.js";

const page = readFileSync(join(import.meta.dirname, "../../docs/registration-hook.md"), "utf8");
const [question, ...answers] = Array.from(page.matchAll(/^```json\n([\s\S]*?)^```/gm), ([, text]) => JSON.parse(text!));

/** The names of all members, as paths, and the types of their values. */
function shapeOf(value: unknown, path = ""): string[] {
  if (Array.isArray(value)) return value.flatMap((item) => shapeOf(item, `${path}[]`));
  if (typeof value !== "object" || value === null) return [`${path}: ${typeof value}`];
  return Object.entries(value).flatMap(([name, inner]) => shapeOf(inner, `${path}.${name}`));
}

describe("docs/registration-hook.md", () => {
  it("shows the question as Latchkey asks it, and answers that work", async () => {
    expect(answers).toHaveLength(2);
    const app = await startHookedApp();
    try {
      app.hook.answer(json(answers[0]));
      const { data } = question;
      const { username, display_name: displayName, locale, custom_attributes: customAttributes } = data.profile;
      const email = data.contacts[0].value;
      const { challenges } = await app.web.registerUser({ username, email, displayName, locale, customAttributes });
      await app.web.verifyOtp(await app.on.messageOf(challenges[0]));
      const { body, headers } = app.hook.questions[0]!;
      expect(shapeOf(body)).toEqual(shapeOf(question));
      expect(body.data.profile).toEqual(data.profile);
      for (const name of page.matchAll(/^(webhook-\w+):/gm)) expect(headers).toHaveProperty([name[1]!]);
      expect((await app.memberOf(email))?.membership?.roles).toEqual(answers[0].roles);
    } finally {
      await app.stop();
    }
    const read = (answer: unknown) => readHookAnswer(Buffer.from(JSON.stringify(answer)), ["seller"]);
    expect(read(answers[0])).toEqual({ kind: "allowed", roles: ["seller"], appAttributes: '{"tier":"staff"}' });
    expect(read(answers[1])).toEqual({ kind: "refused", reason: "Only employees may register." });
  });
});
