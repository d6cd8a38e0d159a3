/** Where a PostgreSQL database is. */
export interface PostgresLocation {
  readonly kind: "postgres";
  /** At least one. The database is on the one that takes writes. */
  readonly hosts: readonly PostgresHost[];
  /** Whether to skip servers that are set to be read-only; standbys are skipped always. */
  readonly readWriteOnly: boolean;
  readonly user: string;
  /** Empty: none. */
  readonly password: string;
  /** Reads the login for a server again, which a file holds; throws when it can't. Null: it never changes. */
  readonly readLogin: ((at: PostgresHost) => PostgresLogin) | null;
  /** Path of the file with passwords, for the programs of PostgreSQL; null: none. */
  readonly passfile: string | null;
  readonly database: string;
  /**
   * As in libpq: `require` accepts any certificate, `verify-ca` any that an authority signed, `verify-full` only one for the host's
   * name.
   */
  readonly sslmode: "disable" | "require" | "verify-ca" | "verify-full";
  /** PEM file of the authorities that may sign the server's certificate; null: those that Node.js knows. */
  readonly sslrootcert: string | null;
  /** PEM files of the client's certificate and its key: both or neither. */
  readonly sslcert: string | null;
  readonly sslkey: string | null;
  /** How many connections this process may hold. */
  readonly poolMax: number;
}

export interface PostgresHost {
  /** A name, an address, or the directory of a Unix socket. */
  readonly host: string;
  readonly port: number;
}

export interface PostgresLogin {
  readonly user: string;
  readonly password: string;
}
