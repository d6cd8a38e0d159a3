/** The metrics of a scrape in Prometheus' text format. */
export interface Scrape {
  /** Names as `# TYPE` tells them. */
  readonly metrics: readonly string[];
  /** The labels of each sample's name, which for histograms ends in `_bucket`, `_sum` or `_count`. */
  readonly labels: ReadonlyMap<string, ReadonlySet<string>>;
}

export function parseScrape(text: string): Scrape {
  const labels = new Map<string, Set<string>>();
  for (const [, name, pairs] of text.matchAll(/^([a-z_]\w*)(?:\{(.*)\})? \S+$/gm)) {
    const known = labels.get(name!) ?? new Set();
    labels.set(name!, known);
    for (const [, label] of (pairs ?? "").matchAll(/(\w+)="(?:[^"\\]|\\.)*"/g)) known.add(label!);
  }
  return { metrics: [...text.matchAll(/^# TYPE (\w+) /gm)].map(([, name]) => name!), labels };
}
