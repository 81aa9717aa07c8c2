/** How many NTP sources there are in each condition (ACTIVITY). chrony_exporter has no name for it. */
import type { LabelledMetric } from "./metric.ts";

export const ACTIVITY_METRICS: readonly LabelledMetric[] = [
  {
    name: "chrony_activity_sources",
    kind: "gauge",
    help: "NTP sources by condition: online, offline, in a burst and then either, or with an unresolved name.",
    labels: ["state"],
    values: ({ further }) =>
      further?.activity?.ok
        ? [
            { labels: { state: "online" }, value: further.activity.value.online },
            { labels: { state: "offline" }, value: further.activity.value.offline },
            { labels: { state: "burst_online" }, value: further.activity.value.burstOnline },
            { labels: { state: "burst_offline" }, value: further.activity.value.burstOffline },
            { labels: { state: "unresolved" }, value: further.activity.value.unresolved },
          ]
        : [],
  },
];
