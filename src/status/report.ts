/** All that one status says, in whatever form. */
import type { ClockFacts } from "../summary/clock-facts.ts";
import type { Thresholds } from "../summary/thresholds.ts";
import type { Judgement } from "../summary/verdict.ts";
import type { AgentFacts } from "./agent-facts.ts";

export type StatusReport = {
  readonly node: string;
  /** The node's clock, which is under test: milliseconds since 1970. */
  readonly wallMs: number;
  /** As in CHRONY_ADDRESS. */
  readonly chronyAddress: string;
  readonly clock: ClockFacts;
  /** Who said so; `nobody` when the state is `unreachable`. */
  readonly saidBy: "chronyd" | "agent" | "nobody";
  /** What went wrong on the way, as sentences. */
  readonly problems: readonly string[];
  readonly judgement: Judgement;
  readonly thresholds: Thresholds;
  readonly agent: AgentInReport;
};

/** The agent, or where none was found; its `url` is `undefined` when it was not looked for. */
export type AgentInReport = {
  readonly url: string | undefined;
  readonly facts: AgentFacts | undefined;
};
