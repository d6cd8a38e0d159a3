import { AuthError } from "../auth/errors.js";
import type { App } from "../model/app.js";
import type { SessionCookie } from "../model/caller.js";
import type { Door } from "../model/door.js";
import type { TraceHeaders } from "../telemetry/tracer.js";

/** What a door knows about a call before it reads the message. */
export interface CallContext {
  readonly door: Door;
  /** All values of the `authorization` header. */
  readonly authorization: readonly string[];
  /** All values of the `x-latchkey-client` header. */
  readonly clientIds: readonly string[];
  /** All values of the `x-latchkey-end-user-ip` header. */
  readonly endUserIps: readonly string[];
  /** The assertion by which a client authenticates (RFC 7523), if the door has one beside the message. */
  readonly clientAssertion?: string;
  /** The JWT by which a client authenticates in a dialect whose tokens name the application instead of an audience. */
  readonly applicationToken?: string;
  /** True: only a client's own credentials will do, not a user's, whatever the method would take. */
  readonly backendOnly?: boolean;
  /** The session cookie, if the call asked for it (`x-latchkey-session: cookie`). Null: it did not, or the door has no cookies. */
  readonly cookie: SessionCookie | null;
  /** The `Origin` header; undefined when no browser page calls. */
  readonly origin: string | undefined;
  /** True: the door knows that no page of another site calls, whatever `origin` says. It has checked that itself. */
  readonly ownPage?: boolean;
  /** Returns whether an app is the one that the call names, in a dialect whose requests name it. Left out: the call names none. */
  readonly isNamedApp?: (app: Pick<App, "appId" | "number">) => boolean;
  /** Canonical network address, as `model/caller.ts` wants it. */
  readonly address: string;
  readonly userAgent: string;
  /** How long the caller waits; Infinity if it set no deadline. */
  readonly timeoutMs: number;
  /** Read only when traces are made. */
  readonly trace?: TraceHeaders;
  /** Aborted by the door when the caller goes away, with `callerGone`, and by the pipeline when time is up. */
  readonly abort: Abort;
}

export type Abort = Pick<AbortController, "abort" | "signal">;

/** Makes its AbortController when the signal is first read: few calls read it, and making one is expensive. */
export function createAbort(): Abort {
  let controller: AbortController | undefined;
  let aborted: { readonly reason: unknown } | undefined;
  return {
    abort(reason) {
      aborted ??= { reason };
      controller?.abort(reason);
    },
    get signal() {
      if (controller === undefined) {
        controller = new AbortController();
        if (aborted !== undefined) controller.abort(aborted.reason);
      }
      return controller.signal;
    },
  };
}

/** The reasons of `CallContext.abort`. Made once: an abort without a reason would build a DOMException with its stack each time. */
export const callerGone = new AuthError("CANCELED", { detail: "the caller went away" });
export const deadlinePassed = new AuthError("DEADLINE_EXCEEDED", { detail: "the deadline passed" });
