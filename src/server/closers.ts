/** What ends each part that was started. The last one is called first. */
export type Closers = (() => Promise<void>)[];

/** Ends everything, also past a part that fails to end. Throws the first failure. */
export async function closeAll(closers: Closers): Promise<void> {
  const failures: unknown[] = [];
  for (let close = closers.pop(); close !== undefined; close = closers.pop()) {
    await close().catch((error: unknown) => failures.push(error));
  }
  if (failures.length > 0) throw failures[0];
}
