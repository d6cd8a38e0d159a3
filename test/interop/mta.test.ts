import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseSmtpUrl } from "../../src/config/providers/smtp-url.js";
import { createSmtpProvider } from "../../src/delivery/providers/smtp.js";
import { code, message } from "../delivery/fixtures.js";
import { dkimTags, verifiesDkim } from "../support/dkim.js";
import { createAuthority } from "../support/tls.js";
import { type Mta, mtaLogin, startMta } from "./support/mta.js";
import { until } from "./support/until.js";

const authority = createAuthority();
const keys = generateKeyPairSync("rsa", { modulusLength: 2048 });
const publicKey = createPublicKey(keys.privateKey);
const folder = mkdtempSync(join(tmpdir(), "latchkey-mta-settings-"));
let mta: Mta;

beforeAll(async () => {
  writeFileSync(join(folder, "ca.pem"), authority.cert);
  writeFileSync(join(folder, "dkim.pem"), keys.privateKey.export({ type: "pkcs8", format: "pem" }));
  mta = await startMta(authority.issue(["127.0.0.1"]));
});

afterAll(async () => {
  await mta?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** The provider that a production deployment gets by its URL. */
function provider({ password = mtaLogin.password, trust = `&ca=${join(folder, "ca.pem")}` } = {}) {
  const login = `${mtaLogin.user}:${encodeURIComponent(password)}`;
  const dkim = `dkim_selector=lk1&dkim_key=${join(folder, "dkim.pem")}`;
  const url = `smtp://${login}@127.0.0.1:${mta.port}?from=Codes%20<codes@example.com>${trust}&${dkim}`;
  const context = { isProduction: true, readText: (path: string) => readFileSync(path, "utf8") };
  return createSmtpProvider(parseSmtpUrl(url, context));
}

describe("Debian's Exim", () => {
  test("takes a code by STARTTLS and a login, names its queue id, and delivers it with a DKIM signature that verifies", async () => {
    const smtp = provider();
    expect(await smtp.check()).toBeNull();
    const result = await smtp.send(message("email"));
    expect(result).toMatchObject({
      kind: "sent",
      providerMessageId: expect.stringMatching(/^[A-Za-z0-9]+-[A-Za-z0-9]+-[A-Za-z0-9]+$/),
    });
    await smtp.close();
    const [mail = ""] = await until("the mail is delivered", async () => (mta.mails().length > 0 ? mta.mails() : undefined));
    expect(mail).toContain(`Subject: ${code} is your Latchkey sign-in code`);
    expect(mail).toMatch(/^Received: from .*\n?.*with esmtpsa\s+\(TLS1\.[23]\)/m);
    expect(mail).toContain(result.kind === "sent" ? result.providerMessageId : "");
    expect([dkimTags(mail).get("d"), dkimTags(mail).get("s")]).toEqual(["example.com", "lk1"]);
    for (const name of ["from", "to", "subject"]) expect(dkimTags(mail).get("h")?.toLowerCase().split(":")).toContain(name);
    expect(verifiesDkim(mail, publicKey)).toBe(true);
    expect(verifiesDkim(mail.replaceAll(code, "999999"), publicKey)).toBe(false);
    expect(verifiesDkim(mail, generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey)).toBe(false);
  });

  test("refuses a wrong password: the provider is misconfigured, and nothing arrives", async () => {
    const before = mta.mails().length;
    const smtp = provider({ password: "wrong" });
    expect(await smtp.send(message("email"))).toMatchObject({ kind: "unavailable", isMisconfigured: true });
    await smtp.close();
    expect(mta.mails()).toHaveLength(before);
  });

  test("refuses an unknown mailbox for good", async () => {
    const smtp = provider();
    const result = await smtp.send(message("email", { to: { kind: "email", value: "unknown@example.com" } }));
    expect(result).toEqual({ kind: "permanent", detail: expect.stringMatching(/^recipient refused \(550/) });
    await smtp.close();
  });

  test("gets neither login nor mail if its certificate is not trusted", async () => {
    const logins = () => mta.log().match(/A=plain|authenticator/g)?.length;
    const before = [logins(), mta.mails().length];
    const smtp = provider({ trust: "" });
    const result = await smtp.send(message("email"));
    expect(result.kind).toBe("unavailable");
    expect(result.detail).toMatch(/^no trusted TLS connection/);
    await smtp.close();
    expect([logins(), mta.mails().length]).toEqual(before);
  });
});
