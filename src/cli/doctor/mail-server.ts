import type { Settings } from "../../config/settings.js";
import { createSmtpProvider } from "../../delivery/smtp.js";
import { type Finding, ok, problem } from "./finding.js";

const timeoutMs = 10_000;

/** Connects, starts TLS and logs in as the service would, but sends nothing. */
export async function checkMailServer({ smtp, mode }: Settings): Promise<readonly Finding[]> {
  if (smtp === null) return [ok(`no mail server is configured: ${mode} keeps messages in the inbox`)];
  const provider = createSmtpProvider({ ...smtp, connectTimeoutMs: timeoutMs, answerTimeoutMs: timeoutMs });
  try {
    const trouble = await provider.check();
    const name = `the mail server ${smtp.host}:${smtp.port}`;
    return [trouble === null ? ok(`${name} can be used`) : problem(`${name} cannot be used: ${trouble}`)];
  } finally {
    await provider.close();
  }
}
