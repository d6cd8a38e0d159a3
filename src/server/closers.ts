/** Functions that end each started part. The last one is called first. */
export type Closers = (() => Promise<void>)[];

/** Ends all parts, even after one fails to end. Then throws the first failure. */
export async function closeAll(closers: Closers): Promise<void> {
  const failures: unknown[] = [];
  for (let close = closers.pop(); close !== undefined; close = closers.pop()) {
    await close().catch((error: unknown) => failures.push(error));
  }
  if (failures.length > 0) throw failures[0];
}
