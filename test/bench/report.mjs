/** Collects lines and judges each by its goal, which is for the ratio where there is a reference and for the value where not. */
export function createReport() {
  const lines = [];

  function add(name, { value, unit, reference = null, atLeast, atMost }) {
    const ratio = reference === null ? null : value / reference;
    const judged = ratio ?? value;
    const goal = atLeast !== undefined ? `>= ${digits(atLeast)}` : atMost !== undefined ? `<= ${digits(atMost)}` : null;
    const met = goal === null ? null : judged !== null && (atLeast !== undefined ? judged >= atLeast : judged <= atMost);
    lines.push({ name, value, unit, reference, ratio, goal, met });
  }

  return {
    lines,
    add,
    /** CPU as a multiple of that of an echo, at the same number of clients in the same run, since machines drift. */
    addEchoes(name, { cpuMs, echoMs, atMost }) {
      add(`${name}, in echoes`, { value: cpuMs, unit: "ms CPU", reference: echoMs, atMost });
    },
  };
}

export function printReport(lines) {
  const cells = lines.map(({ name, value, unit, reference, ratio, goal, met }) => [
    name,
    `${digits(value)} ${unit}`,
    reference === null ? "" : digits(reference),
    ratio === null ? "" : digits(ratio),
    goal ?? "",
    met === null ? "" : met ? "met" : "NOT MET",
  ]);
  const table = [["what", "value", "reference", "ratio", "goal", ""], ...cells];
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
  for (const row of table) process.stdout.write(`${row.map((cell, column) => cell.padEnd(widths[column])).join("  ")}\n`);
  process.stdout.write("\n");
  for (const line of lines) process.stdout.write(`${JSON.stringify(line)}\n`);
}

function digits(value) {
  if (value === null) return "none";
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}
