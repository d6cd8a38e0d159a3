import pg from "pg";

/** Settings of PostgreSQL by name. */
export type SessionSettings = Readonly<Record<string, string>>;

type Ask = (query: string | pg.QueryConfig, values?: unknown[]) => Promise<pg.QueryResult>;

/**
 * Returns the `query` of a client behind a pooler that may give each transaction another connection to the server. Such a
 * connection has settings of other clients and none of this one's, and knows none of its prepared statements. So no statement
 * has a name, and each transaction begins with `settings`, which end with it. They travel with its first statement: there are
 * no more round trips than without a pooler.
 */
export function perTransaction(client: pg.Client, settings: SessionSettings): Ask {
  const submit = client.query.bind(client) as (query: unknown, values?: unknown[]) => Promise<pg.QueryResult>;
  const prelude = preludeOf(settings);
  const locals = Object.entries(settings).map(([name, value]) => `; SET LOCAL ${name} = '${value}'`);
  return async (query, given) => {
    const { text, values = given } = typeof query === "string" ? { text: query } : query;
    if (client.getTransactionStatus() !== "I") return await submit(text, values);
    // SET and not SELECT, which would fix what a SERIALIZABLE transaction sees before it has its locks.
    if (text.startsWith("BEGIN")) return await submit(`${text}${locals.join("")}`);
    return await new Promise((resolve, reject) => {
      const done: Done = (error, result) => (error ? reject(error) : resolve(result));
      void submit(new QueryWithPrelude(prelude, { text, values, queryMode: "extended" }, done));
    });
  };
}

/** A statement without rows that has settings until the end of its transaction. */
function preludeOf(settings: SessionSettings): string {
  const set = Object.entries(settings).map(([name, value]) => `set_config('${name}', '${value}', true)`);
  return `SELECT WHERE concat(${set.join(", ")}) IS NULL`;
}

type Done = (error: Error | null, result: pg.QueryResult) => void;

/** The parts of the driver's class that its types lack. */
interface DriverQuery {
  submit(connection: pg.Connection): Error | null;
  handleCommandComplete(message: unknown, connection: pg.Connection): void;
}
const Query = pg.Query as unknown as new (
  config: pg.QueryConfig & { readonly queryMode: "extended" },
  values: undefined,
  done: Done,
) => DriverQuery;

/** Two statements of one transaction, which ends at the `Sync` that the driver sends after the second. */
class QueryWithPrelude extends Query {
  readonly #prelude: string;
  #begun = false;

  constructor(prelude: string, config: ConstructorParameters<typeof Query>[0], done: Done) {
    super(config, undefined, done);
    this.#prelude = prelude;
  }

  override submit(connection: pg.Connection): Error | null {
    connection.stream.cork();
    try {
      connection.parse({ name: "", text: this.#prelude, types: [] }, true);
      connection.bind({}, true);
      connection.execute({}, true);
      return super.submit(connection);
    } finally {
      connection.stream.uncork();
    }
  }

  override handleCommandComplete(message: unknown, connection: pg.Connection): void {
    if (this.#begun) super.handleCommandComplete(message, connection);
    this.#begun = true;
  }
}
