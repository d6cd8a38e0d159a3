import { describe, expect, it } from "vitest";
import { canonicalIdentifier } from "../../src/model/identifier.js";
import { fixedPolicy, type Policy } from "../../src/model/policy.js";

const policy = { ...fixedPolicy, possiblePhonesSuffice: false } as unknown as Policy;

describe("identifiers", () => {
  const same: readonly ["email" | "phone" | "username", string, string][] = [
    ["email", " A.b+c@Example.COM ", "a.b+c@example.com"],
    ["email", "a@bücher.example", "a@xn--bcher-kva.example"],
    ["email", "a@BÜCHER.example", "a@xn--bcher-kva.example"],
    ["email", "a@xn--bcher-kva.example", "a@xn--bcher-kva.example"],
    ["email", "a@straße.example", "a@xn--strae-oqa.example"],
    ["phone", "+46 70-123 45 67", "+46701234567"],
    ["phone", "+1 (415) 555-2671", "+14155552671"],
    ["username", "Ada.L-9", "ada.l-9"],
  ];
  it.each(same)("an %s %j is %j", (kind, text, value) => {
    expect(canonicalIdentifier(policy, kind, text)).toEqual({ kind, value });
  });

  const refused: readonly ["email" | "phone" | "username", string][] = [
    // What URL parsers cut, decode or fold.
    ...["/", "?", "#", "\\", ":80/", "@", "%00"].map((cut) => ["email", `a@evil.test${cut}.corp.example`] as ["email", string]),
    ["email", "a@ev%69l.test"],
    ["email", "a@\ufb00.test"],
    ["email", "a@ex\u00adample.test"],
    ["email", "a@\uff45vil.test"],
    ["email", "a@evil\u3002test"],
    ["email", "a\uff20evil.test"],
    ["email", "a@m\u0131x.TEST\u0000"],
    ["email", "a@0x7f.1"],
    ["email", "a@127.0.0.1"],
    ["email", "a@[127.0.0.1]"],
    ["email", "a@localhost"],
    ["email", "a@example.com."],
    ["email", "\u212a@example.com"],
    ["email", ".a@example.com"],
    ["email", "a..b@example.com"],
    ["email", '"a b"@example.com'],
    ["email", `${"a".repeat(65)}@example.com`],
    ["phone", "0046701234567"],
    ["phone", "+46701234567;ext=5"],
    ["phone", "tel:+46701234567"],
    ["phone", "\uff0b46701234567"],
    ["phone", "+4670"],
    ["phone", "+46701234567\u0000"],
    ["username", "ab"],
    ["username", "9lives"],
    ["username", "\u212aelvin"],
    ["username", "a@example.com"],
  ];
  it.each(refused)("an %s %j is refused, by name of its field", (kind, text) => {
    const refusal = canonicalIdentifier(policy, kind, text);
    expect(refusal).toEqual({ field: kind, description: expect.stringMatching(/^must be /) });
  });

  it("a letter that looks like another stays another address", () => {
    const [dotless, plain] = ["admin@m\u0131x.test", "admin@mix.test"].map((text) =>
      canonicalIdentifier(policy, "email", text),
    );
    expect(dotless).toEqual({ kind: "email", value: "admin@xn--mx-hpa.test" });
    expect(plain).toEqual({ kind: "email", value: "admin@mix.test" });
  });
});
