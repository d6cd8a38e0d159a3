/** The code by which Node.js, SQLite or PostgreSQL tell an error from others; "": it has none. */
export function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
