import type { App } from "../model/app.js";
import type { Client } from "../model/client.js";
import type { Dialect } from "../model/dialect.js";

/** A client and the app it belongs to. */
export interface Registered {
  readonly client: Client;
  readonly app: App;
}

/** All apps and their clients, as one snapshot in memory. Disabled clients and those of archived apps are not in it. */
export interface Directory {
  /** Returns the client with this id, alias or id in a vendor's form, or null if the snapshot has none. */
  find(clientId: string): Registered | null;
  /** As `find`. If the snapshot has none, looks into the database; concurrent calls share one look. */
  lookUp(clientId: string): Promise<Registered | null>;
  /** Returns the app with this id, also if it is archived. Null if the snapshot has none. */
  findApp(appId: string): App | null;
  /** Returns the ids of the apps that have a hook for delivery reports. */
  reportedTo(): ReadonlySet<string>;
  /** The client for calls that name none. Null if such calls are refused. */
  readonly fallback: Registered | null;
  /**
   * Returns the public client that a call through a dialect is from if nothing names one: the one that speaks it and has the host,
   * otherwise the one that allows the origin, otherwise the only one that speaks it. Null if there is none, or there are several.
   */
  speakerOf(dialect: Dialect, from: { readonly host: string; readonly origin: string | undefined }): Registered | null;
  /** Returns the app with the policy that applies to calls through a dialect. */
  appIn(dialect: Dialect, app: App): App;
  /** Returns whether any client allows the origin. */
  allowsOrigin(origin: string): boolean;
  /**
   * Reads what has changed. Called after a change, so that it takes effect before it is answered. Never throws: while the
   * database can't be read, the snapshot stays as it is.
   */
  refresh(): Promise<void>;
}
