import type { AnswerRule, Gateway, GatewayErrorKind } from "../../model/gateway.js";
import type { EpochMs } from "../../model/time.js";
import type { CarrierAnswer } from "../http/carrier-request.js";
import { resultOfStatus, retryAfterOf } from "../http/carrier-result.js";
import { resultOfMeaning } from "../meaning.js";
import type { DeliveryResult, Message } from "../provider.js";
import { receiptAt, wordAt } from "./pointer.js";

/**
 * Classifies an answer: by the description's success, then by the first of its errors that matches, then by its status. A status
 * of success without the content of one is `unknown`, because the carrier may have taken the message.
 */
export function readAnswer(
  gateway: Pick<Gateway, "success" | "errors" | "errorCode">,
  answer: CarrierAnswer,
  { message, now }: { readonly message: Message; readonly now: EpochMs },
): DeliveryResult {
  const { status, headers, body } = answer;
  const document = parsed(body);
  const receipt = receiptAt(document, gateway.success);
  const id = receipt.providerMessageId ?? null;
  if (matches(gateway.success, status, document) && (id !== null || gateway.success.messageId === null)) {
    return {
      kind: "sent",
      detail: `HTTP ${status}`,
      ...receipt,
      providerMessageId: id === message.code || (id !== null && namesDestination(id, message)) ? null : id,
    };
  }
  const detail = detailOf(gateway, answer, document, message);
  const error = gateway.errors.find((rule) => matches(rule, status, document));
  if (error !== undefined) {
    return resultOfMeaning(error.kind, textsOfErrors[error.kind](detail), retryAfterOf(headers["retry-after"], now));
  }
  const byStatus = resultOfStatus(answer, now, detail);
  if (byStatus !== null) return byStatus;
  if (status >= 400) return { kind: "permanent", detail: `the carrier refuses the message (${detail})` };
  return { kind: "unknown", detail: `the carrier's answer is not the one that its description expects (${detail})` };
}

const textsOfErrors: Readonly<Record<GatewayErrorKind, (detail: string) => string>> = {
  permanent: (detail) => `the carrier refuses the message (${detail})`,
  temporary: (detail) => `the carrier asks to wait (${detail})`,
  unavailable: (detail) => `the carrier can't send now (${detail})`,
  misconfigured: (detail) => `the carrier refuses this account (${detail}): check its credentials and balance`,
  sender_refused: (detail) => `the carrier refuses the sender (${detail}): check \`from\``,
};

function matches({ statuses, conditions }: AnswerRule, status: number, document: unknown): boolean {
  return (
    statuses.some(([from, to]) => status >= from && status <= to) &&
    conditions.every(({ pointer, values }) => {
      const word = wordAt(document, pointer);
      return word !== null && values.includes(word);
    })
  );
}

/** Returns undefined for a body that is no JSON, in which no pointer finds anything. */
function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    return undefined;
  }
}

/** The carrier's sentences stay out, because they may repeat the code or the destination. */
function detailOf(
  { errorCode }: Pick<Gateway, "errorCode">,
  { status }: CarrierAnswer,
  document: unknown,
  message: Message,
): string {
  const code = wordAt(document, errorCode);
  const isWord = code !== null && /^[A-Za-z0-9_.-]{1,60}$/.test(code) && !repeats(code, message);
  return isWord ? `HTTP ${status}, ${code}` : `HTTP ${status}`;
}

/** An id of many digits may contain a code by chance, but an error code does not. */
function repeats(word: string, message: Message): boolean {
  return ungrouped(word).includes(message.code) || namesDestination(word, message);
}

/** Carriers write numbers also without the country, or in groups. */
function namesDestination(word: string, { to }: Message): boolean {
  return to.kind === "phone" ? ungrouped(word).includes(to.value.slice(-8)) : word.includes(to.value);
}

function ungrouped(word: string): string {
  return word.replace(/[_.-]/g, "");
}
