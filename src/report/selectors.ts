/** PromQL selectors of nodes. */

/** A label, an operator and a value: `["cluster", "=", "blue"]`. */
export type Matcher = readonly [label: string, operator: "=" | "=~", value: string];

/** Matchers as PromQL: `{cluster="blue",instance=~"a|b"}`; an empty text without any. */
export function selectorOf(matchers: readonly Matcher[]): string {
  const texts = matchers.map(
    ([label, operator, value]) => `${label}${operator}${JSON.stringify(value)}`,
  );
  return texts.length === 0 ? "" : `{${texts.join(",")}}`;
}

/** A regular expression that matches these values only. */
export function alternatives(values: Iterable<string>): string {
  return [...new Set(values)]
    .map((value) => value.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"))
    .join("|");
}
