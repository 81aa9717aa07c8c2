/** The number of NTP sources in each condition (ACTIVITY). chrony_exporter does not export it. */
import type { LabelledMetric } from "./metric.ts";

export const ACTIVITY_METRICS: readonly LabelledMetric[] = [
  {
    name: "chrony_activity_sources",
    kind: "gauge",
    help: "NTP sources by condition: online, offline, in a burst and then either, or with an unresolved name.",
    labels: ["state"],
    values: ({ optional }) =>
      optional?.activity?.ok
        ? [
            { labels: { state: "online" }, value: optional.activity.value.online },
            { labels: { state: "offline" }, value: optional.activity.value.offline },
            { labels: { state: "burst_online" }, value: optional.activity.value.burstOnline },
            { labels: { state: "burst_offline" }, value: optional.activity.value.burstOffline },
            { labels: { state: "unresolved" }, value: optional.activity.value.unresolved },
          ]
        : [],
  },
];
