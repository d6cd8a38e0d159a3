import { randomUUID } from "node:crypto";
import type { App } from "../model/app.js";
import type { CallSource } from "../model/caller.js";
import type { Client } from "../model/client.js";
import { type Scope, scopes } from "../model/scope.js";

/** The party that manages apps, clients or people. */
export interface Actor {
  /** The client id, or `operatorName` for the command line. */
  readonly name: string;
  /** The app to act on if a call names none. Null for the command line, whose calls always name one. */
  readonly app: App | null;
  /** Null for the command line, which alone grants the scopes that reach every app. */
  readonly client: Client | null;
  readonly scopes: ReadonlySet<Scope>;
  readonly source: CallSource;
}

/** The name of the command line in the log. No client has this id. */
export const operatorName = "operator";

/** Returns the command line on the host, which may do everything. All that one result does has one correlation id. */
export function operator(): Actor {
  const source = {
    address: "127.0.0.1",
    userAgent: "",
    correlationId: randomUUID(),
    signal: new AbortController().signal,
  };
  return { name: operatorName, app: null, client: null, scopes: new Set(scopes), source };
}
