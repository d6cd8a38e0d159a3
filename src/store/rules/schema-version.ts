/** One step of an engine's schema. */
export interface Migration {
  readonly version: number;
  /**
   * Whether the program before it may go on writing: the step adds tables, indexes, and columns that may be null or have a default,
   * and every row that the older program writes still means the same.
   */
  readonly additive: boolean;
  readonly sql: string;
}

/** What a database says about its schema. */
export interface SchemaState {
  /** 0: there is none. */
  readonly version: number;
  /** The schema version of the oldest program that may write to it. */
  readonly oldestProgram: number;
}

/** The first version whose row in `schema_migrations` names the oldest program. Rows before it stand for themselves. */
export const firstWithOldestProgram = 3;

/** The database was written by a newer program. */
export class NewerSchemaError extends Error {
  override readonly name = "NewerSchemaError";
}

/** The version that a list of migrations, oldest first, leads to. */
export function newest(migrations: readonly Migration[]): number {
  return migrations.at(-1)!.version;
}

/** The version of the oldest program that may write once the migrations up to `version` are applied: that of the last one that is not additive. */
export function oldestProgramAt(migrations: readonly Migration[], version: number): number {
  return migrations.findLast((one) => one.version <= version && !one.additive)!.version;
}

/** Whether a program that knows schemas up to `known` can work with a database as it is. */
export function fits({ version, oldestProgram }: SchemaState, known: number): boolean {
  return version === known || (version > known && oldestProgram <= known);
}

/** Throws `NewerSchemaError` if a program that knows schemas up to `known` is too old for the database. */
export function refuseNewer(state: SchemaState, known: number): void {
  if (state.version > known && !fits(state, known)) {
    throw new NewerSchemaError(
      `the database has schema version ${state.version}, this program knows up to ${known}: run the newer program that wrote it`,
    );
  }
}
