/** One step of an engine's schema. */
export interface Migration {
  readonly version: number;
  /**
   * Whether the previous program may keep writing after this step. That holds if the step only adds tables, indexes, and
   * columns that may be null or have a default, and rows written by the previous program keep their meaning.
   */
  readonly additive: boolean;
  readonly sql: string;
}

/** The schema versions that a database records. */
export interface SchemaState {
  /** 0 if the database has no schema. */
  readonly version: number;
  /** The schema version of the oldest program that may write to it. */
  readonly oldestProgram: number;
}

/** The first version whose row in `schema_migrations` names the oldest program. Each earlier row is its own oldest program. */
export const firstWithOldestProgram = 3;

/** Thrown when the database was written by a newer program than this one. */
export class NewerSchemaError extends Error {
  override readonly name = "NewerSchemaError";
}

/** Returns the version of the last migration. The list is ordered oldest first. */
export function newest(migrations: readonly Migration[]): number {
  return migrations.at(-1)!.version;
}

/**
 * Returns the schema version of the oldest program that may write after the migrations up to `version`: that of the last
 * non-additive one.
 */
export function oldestProgramAt(migrations: readonly Migration[], version: number): number {
  return migrations.findLast((one) => one.version <= version && !one.additive)!.version;
}

/** Returns whether a program that knows schemas up to `known` can work with a database as it is. */
export function fits({ version, oldestProgram }: SchemaState, known: number): boolean {
  return version === known || (version > known && oldestProgram <= known);
}

/** Throws `NewerSchemaError` if a program that knows schemas up to `known` is too old for the database. */
export function refuseNewer(state: SchemaState, known: number): void {
  if (state.version > known && !fits(state, known)) {
    throw new NewerSchemaError(
      `the database has schema version ${state.version}, and this program knows versions up to ${known}: run the newer program that wrote it`,
    );
  }
}
