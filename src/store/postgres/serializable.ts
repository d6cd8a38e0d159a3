import pg from "pg";
import { isOfConnection, unavailableError } from "./errors.js";

/**
 * Runs `work` in one SERIALIZABLE transaction. Returns a function that returns the result of `work` or throws its error. Throws
 * errors of the database or the connection directly. Either way the connection is no longer in a transaction, unless it is
 * broken.
 */
export async function serializable<T>(client: pg.Client, work: () => Promise<T>): Promise<() => T> {
  await client.query("BEGIN ISOLATION LEVEL SERIALIZABLE").catch((error: unknown) => {
    // A standby does not support such transactions. Behind a pooler a connection may suddenly lead to one.
    throw error instanceof pg.DatabaseError && error.code === "0A000" ? unavailableError(error) : error;
  });
  try {
    const result = await work();
    await client.query("COMMIT");
    return () => result;
  } catch (error) {
    // A broken connection gives no more answers, and the server rolls back its transaction.
    if (error instanceof Error && isOfConnection(error)) throw error;
    await client.query("ROLLBACK");
    if (error instanceof pg.DatabaseError) throw error;
    return () => {
      throw error;
    };
  }
}
