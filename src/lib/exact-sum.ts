/**
 * Sums up decimal amounts, each times its count, without rounding. Returns a decimal text without trailing zeros, such as `0.015`.
 */
export function sumOf(amounts: readonly { readonly amount: string; readonly count: number }[]): string {
  const parsed = amounts.map(({ amount, count }) => ({ ...decimal(amount), count: BigInt(count) }));
  const places = Math.max(0, ...parsed.map((one) => one.places));
  const sum = parsed.reduce((total, one) => total + one.units * one.count * 10n ** BigInt(places - one.places), 0n);
  const digits = String(sum < 0n ? -sum : sum).padStart(places + 1, "0");
  const whole = digits.slice(0, digits.length - places);
  const fraction = digits.slice(digits.length - places).replace(/0+$/, "");
  return `${sum < 0n ? "-" : ""}${whole}${fraction === "" ? "" : `.${fraction}`}`;
}

function decimal(amount: string): { readonly units: bigint; readonly places: number } {
  const [whole = "0", fraction = ""] = amount.split(".");
  return { units: BigInt(`${whole}${fraction}`), places: fraction.length };
}
