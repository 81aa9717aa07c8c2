/** A figure of the benchmark, and the table of all figures. */
import { markdownTable } from "../markdown-table.ts";

export type Row = {
  readonly figure: string;
  readonly value: number;
  readonly unit: "ms" | "ms/s" | "MiB" | "KiB" | "s";
  /** The smallest program that does the same, measured in the same run. */
  readonly reference?: { readonly name: string; readonly value: number };
  /** The largest allowed value, in the row's unit or as a ratio to the reference. */
  readonly budget?: { readonly value: number } | { readonly ratio: number };
};

/** The value divided by the reference's. */
export function ratioOf({ value, reference }: Row): number | undefined {
  return reference && value / reference.value;
}

export function isWithinBudget(row: Row): boolean | undefined {
  const { budget, value } = row;
  if (budget === undefined) {
    return undefined;
  }
  return "value" in budget ? value <= budget.value : (ratioOf(row) ?? Number.NaN) <= budget.ratio;
}

/** The rows as a Markdown table. */
export function tableOf(rows: readonly Row[]): string {
  const lines = rows.map((row) => {
    const { figure, value, unit, reference, budget } = row;
    const ratio = ratioOf(row);
    return [
      figure,
      `${digits(value)} ${unit}`,
      reference ? `${reference.name}: ${digits(reference.value)} ${unit}` : "",
      ratio === undefined ? "" : `${digits(ratio)} ×`,
      budget ? `≤ ${"value" in budget ? `${budget.value} ${unit}` : `${budget.ratio} ×`}` : "",
      { true: "yes", false: "**no**", undefined: "" }[`${isWithinBudget(row)}`],
    ];
  });
  const header = ["figure", "agent", "reference", "ratio", "budget", "met"];
  return markdownTable([header, ...lines]);
}

function digits(value: number): string {
  return String(Number(value.toPrecision(3)));
}
