/** The candidate that `word` most likely misspells or abbreviates. Undefined if no candidate is close. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const distances = candidates.map((candidate) => ({ candidate, distance: editDistance(word, candidate) }));
  const best = distances.reduce((a, b) => (b.distance < a.distance ? b : a));
  if (best.distance <= Math.max(2, word.length / 3)) return best.candidate;
  return word.length < 3 ? undefined : candidates.find((candidate) => candidate.startsWith(word));
}

/** The Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitution, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
