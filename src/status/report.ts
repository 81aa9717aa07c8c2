/** The content of one status report, in any format. */
import type { Result } from "../result.ts";
import type { AgentReport } from "../summary/agent-report.ts";
import type { ClockFacts } from "../summary/clock-facts.ts";
import type { Thresholds } from "../summary/thresholds.ts";
import type { Judgement } from "../summary/verdict.ts";
import type { AgentError } from "./agent-client.ts";

export type StatusReport = {
  readonly node: string;
  /** The node's wall clock, which is under test: milliseconds since 1970. */
  readonly wallMs: number;
  /** As in CHRONY_ADDRESS. */
  readonly chronyAddress: string;
  readonly clock: ClockFacts;
  /** Where the facts come from; `nobody` when the state is `unreachable`. */
  readonly saidBy: "chronyd" | "agent" | "nobody";
  /** Problems on the way, as sentences. */
  readonly problems: readonly string[];
  readonly judgement: Judgement;
  readonly thresholds: Thresholds;
  /** `undefined` when no agent was asked. */
  readonly agent: AskedAgent | undefined;
};

export type AskedAgent = {
  readonly url: string;
  readonly report: Result<AgentReport, AgentError>;
};
