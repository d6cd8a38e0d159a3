/** What `--from` takes. `csv` is the format of `import` itself, with a column `id` for the ids of any service. */
export const origins = ["biot", "bridgekeeper", "solidx", "transmit", "supabase", "csv"] as const;
export type Origin = (typeof origins)[number];
