/** Where a PostgreSQL database is. */
export interface PostgresLocation {
  readonly kind: "postgres";
  /** At least one. The database is on the host that has the `role`. */
  readonly hosts: readonly PostgresHost[];
  /** A primary accepts writes. */
  readonly role: "primary" | "standby";
  /** Servers for reads that may be a moment old, of which standbys are used. May be empty. */
  readonly readHosts: readonly PostgresHost[];
  /** Whether a primary that is set to read-only is skipped. */
  readonly readWriteOnly: boolean;
  readonly user: string;
  /** Empty if there is none. */
  readonly password: string;
  /** Reads the login for a server again from a file. Throws if it can't. Null if the login never changes. */
  readonly readLogin: ((at: PostgresHost) => PostgresLogin) | null;
  /** Path of the password file, for PostgreSQL's own programs. Null if there is none. */
  readonly passfile: string | null;
  readonly database: string;
  /**
   * As in libpq: `require` accepts any certificate, `verify-ca` any that a trusted authority signed, `verify-full` only one for
   * the host's name.
   */
  readonly sslmode: "disable" | "require" | "verify-ca" | "verify-full";
  /** PEM file of the authorities that may sign the server's certificate. Null means the authorities that Node.js trusts. */
  readonly sslrootcert: string | null;
  /** PEM files of the client's certificate and its key. Set both or neither. */
  readonly sslcert: string | null;
  readonly sslkey: string | null;
  /** How many connections this process may open. */
  readonly poolMax: number;
  /** `transaction`: a pooler is in between, and each transaction may run on another connection to the server. */
  readonly pooler: "none" | "transaction";
}

export interface PostgresHost {
  /** A host name, an address, or the directory of a Unix socket. */
  readonly host: string;
  readonly port: number;
}

export interface PostgresLogin {
  readonly user: string;
  readonly password: string;
}
