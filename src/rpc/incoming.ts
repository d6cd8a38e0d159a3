import { AuthError } from "../auth/errors.js";

/** What a door knows about a call before its message is read. */
export interface Incoming {
  /** All values of the `authorization` header. */
  readonly authorization: readonly string[];
  /** All values of the `x-latchkey-client` header. */
  readonly clientIds: readonly string[];
  /** The `Origin` header; undefined when no browser page calls. */
  readonly origin: string | undefined;
  /** Canonical network address, as `auth/deps.ts` wants it. */
  readonly address: string;
  readonly userAgent: string;
  /** How long the caller will wait; Infinity when it did not say. */
  readonly timeoutMs: number;
  /** Aborted by the door when the caller goes away, with `callerGone`, and by the pipeline when time is up. */
  readonly abort: AbortController;
}

/** Why `Incoming.abort` fires. Made once: an abort without a reason would build a DOMException with its stack for every call. */
export const callerGone = new AuthError("CANCELED", { detail: "the caller went away" });
export const deadlinePassed = new AuthError("DEADLINE_EXCEEDED", { detail: "the deadline passed" });
