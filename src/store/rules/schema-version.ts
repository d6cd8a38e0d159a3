/** The database was written by a newer program. */
export class NewerSchemaError extends Error {
  override readonly name = "NewerSchemaError";
}

/** The version that a list of migrations, oldest first, leads to. */
export function newest(migrations: readonly { readonly version: number }[]): number {
  return migrations.at(-1)!.version;
}

/** Throws when a program that knows schemas up to `known` would meet one that it can't understand. */
export function refuseNewer(version: number, known: number): void {
  if (version > known) {
    throw new NewerSchemaError(
      `the database has schema version ${version}, this program knows up to ${known}: run the newer program that wrote it`,
    );
  }
}
