/** How two samples of times differ. */
export interface Comparison {
  /** Two-sided p of the Mann-Whitney U test, by its normal approximation. */
  readonly p: number;
  /** The probability that a time of the second sample is longer than one of the first; 0.5 if they are alike. */
  readonly auc: number;
  /** Hodges-Lehmann estimate of the shift from the first sample to the second, in the samples' unit. */
  readonly shift: number;
}

export function compare(first: readonly number[], second: readonly number[]): Comparison {
  const [n, m] = [first.length, second.length];
  const { rankSum, ties } = ranksOf(second, first);
  const u = rankSum - (m * (m + 1)) / 2;
  const all = n + m;
  const deviation = Math.sqrt(((n * m) / 12) * (all + 1 - ties / (all * (all - 1))));
  return { p: twoSided((u - (n * m) / 2) / deviation), auc: u / (n * m), shift: medianDifference(first, second) };
}

/** The sum of the ranks of `of` among both samples, and the sum of t³ - t over groups of t equal values. */
function ranksOf(of: readonly number[], others: readonly number[]): { readonly rankSum: number; readonly ties: number } {
  const sorted = [...of.map((value) => ({ value, own: true })), ...others.map((value) => ({ value, own: false }))].sort(
    (a, b) => a.value - b.value,
  );
  let [rankSum, ties] = [0, 0];
  for (let begin = 0, end = 0; begin < sorted.length; begin = end) {
    while (end < sorted.length && sorted[end]!.value === sorted[begin]!.value) end += 1;
    const rank = (begin + 1 + end) / 2;
    rankSum += rank * sorted.slice(begin, end).filter(({ own }) => own).length;
    ties += (end - begin) ** 3 - (end - begin);
  }
  return { rankSum, ties };
}

function medianDifference(first: readonly number[], second: readonly number[]): number {
  const differences = new Float64Array(first.length * second.length);
  first.forEach((a, i) => {
    second.forEach((b, j) => {
      differences[i * second.length + j] = b - a;
    });
  });
  return median(differences.sort());
}

export function median(sorted: ArrayLike<number>): number {
  const middle = (sorted.length - 1) / 2;
  return (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2;
}

/** Two-sided p of a standard normal value, by the continued fraction of Abramowitz and Stegun 26.2.14 or the series 26.2.11. */
function twoSided(z: number): number {
  const x = Math.abs(z);
  const density = Math.exp(-(x * x) / 2) / Math.sqrt(2 * Math.PI);
  if (x < 3) {
    let [term, sum] = [x, x];
    for (let k = 1; k < 60; k += 1) {
      term *= (x * x) / (2 * k + 1);
      sum += term;
    }
    return 1 - 2 * density * sum;
  }
  let fraction = x;
  for (let k = 60; k > 0; k -= 1) fraction = x + k / fraction;
  return (2 * density) / fraction;
}
