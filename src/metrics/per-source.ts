import type { OfSource, OfSources } from "../chrony/optional-reports.ts";
import type { LabelledValue } from "./metric.ts";

/** The labels that identify a source, under chrony_exporter's names. */
export const SOURCE_LABELS = ["source_address", "source_name"] as const;

/** One value per source of a report. A source without the value is left out. */
export function ofEachSource<Content>(
  report: OfSources<Content> | undefined,
  numberOf: (content: Content) => number | undefined,
): LabelledValue[] {
  return report?.ok
    ? report.value.flatMap((source) => {
        const value = numberOf(source.content);
        return value === undefined ? [] : [{ labels: sourceLabels(source), value }];
      })
    : [];
}

export function sourceLabels({
  address,
  name,
}: OfSource<unknown>): Readonly<Record<string, string>> {
  return { source_address: address, source_name: name };
}
