/** The states and modes of chronyd's sources in words. */
import type { SourceMode, SourceState } from "../chrony/source-data.ts";

export type UseWords = {
  readonly text: string;
  readonly tone: "good" | "plain" | "warning" | "bad";
};

/** How chronyd rates a source, in the words of chronyc's legend. */
export const USE_WORDS: Readonly<Record<SourceState, UseWords>> = {
  selected: { text: "selected", tone: "good" },
  unselected: { text: "combined", tone: "good" },
  selectable: { text: "not combined", tone: "plain" },
  nonselectable: { text: "unusable", tone: "warning" },
  jittery: { text: "too variable", tone: "warning" },
  falseticker: { text: "falseticker", tone: "bad" },
};

/** What a source is to this chronyd. */
export const MODE_WORDS: Readonly<Record<SourceMode, string>> = {
  client: "server",
  peer: "peer",
  "reference clock": "reference clock",
};
