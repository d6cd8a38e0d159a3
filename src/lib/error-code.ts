/** Returns the code that Node.js, SQLite or PostgreSQL gave an error, or "" if it has none. */
export function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
