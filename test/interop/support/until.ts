/** Asks again and again until the answer is not undefined. Throws after `ms`. */
export async function until<T>(what: string, ask: () => Promise<T | undefined> | T | undefined, ms = 20_000): Promise<T> {
  const giveUpAt = Date.now() + ms;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > giveUpAt) throw new Error(`${what}: not within ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
