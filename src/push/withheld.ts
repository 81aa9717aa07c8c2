/**
 * Gone means gone: a backend shows a pushed series for five minutes after its last point. So a series
 * that is not observed any more gets one point under another name, its marker; the shipped collector
 * turns that into Prometheus' stale marker, and the series disappears.
 */
import { ValueType } from "@opentelemetry/api";
import { type Series, seriesKey } from "./compact-collection.ts";

/** What the shipped collector takes off the name of a marker (otel-collector/common.yaml). */
export const WITHHELD_PREFIX = "chrony_tracker.withheld.";

/** The series whose points, of any value, end another one. */
export function markerOf(
  ends: Pick<Series, "key" | "attributes"> & { readonly name: string },
): Series {
  const { attributes } = ends;
  const name = WITHHELD_PREFIX + ends.name;
  return {
    key: seriesKey(name, attributes),
    descriptor: {
      name,
      description: "Makes a series disappear that is not observed any more.",
      unit: "",
      valueType: ValueType.DOUBLE,
    },
    kind: "gauge",
    attributes,
    ends: ends.key,
  };
}
