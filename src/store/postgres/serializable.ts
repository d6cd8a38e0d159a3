import pg from "pg";
import { isOfConnection, unavailableError } from "./errors.js";

/**
 * Runs `work` in one SERIALIZABLE transaction of a connection, and gives its result or what it threw, as a function. An error of the
 * database or of the connection is thrown at once. Either way the connection is out of the transaction, unless it is broken.
 */
export async function serializable<T>(client: pg.Client, work: () => Promise<T>): Promise<() => T> {
  await client.query("BEGIN ISOLATION LEVEL SERIALIZABLE").catch((error: unknown) => {
    // A standby knows no such transactions. Behind a pooler, a connection may suddenly lead to one.
    throw error instanceof pg.DatabaseError && error.code === "0A000" ? unavailableError(error) : error;
  });
  try {
    const result = await work();
    await client.query("COMMIT");
    return () => result;
  } catch (error) {
    // A broken connection answers nothing more, and the server ends what it began.
    if (error instanceof Error && isOfConnection(error)) throw error;
    await client.query("ROLLBACK");
    if (error instanceof pg.DatabaseError) throw error;
    return () => {
      throw error;
    };
  }
}
