import { createTransport } from "nodemailer";
import type { Settings } from "../../config.js";
import { transportOptions } from "../../delivery/smtp.js";
import { type Finding, ok, problem } from "./finding.js";

const timeoutMs = 10_000;

/** Connects, does TLS and signs in as the service would, and sends nothing. */
export async function checkMailServer({ smtp, mode }: Settings): Promise<readonly Finding[]> {
  if (smtp === null) return [ok(`no mail server is configured: ${mode} keeps messages in the inbox`)];
  const { host, port } = smtp;
  const transport = createTransport(transportOptions({ ...smtp, connectTimeoutMs: timeoutMs, answerTimeoutMs: timeoutMs }));
  try {
    await transport.verify();
    return [ok(`the mail server ${host}:${port} answers`)];
  } catch (error) {
    return [problem(`the mail server ${host}:${port} cannot be used (${reason(error)}): check LATCHKEY_SMTP_URL`)];
  } finally {
    transport.close();
  }
}

/** Codes alone: what a server answers to a sign-in may repeat what it was told. */
function reason(error: unknown): string {
  const { code, responseCode } = error as { code?: unknown; responseCode?: unknown };
  const words = [code, responseCode].filter((part) => typeof part === "string" || typeof part === "number");
  return words.length === 0 ? "no answer" : words.join(" ");
}
