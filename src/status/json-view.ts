/**
 * The report as one object for other programs. Units are in the names, which are the metrics' where
 * there is one. Every key is always there; what is not known, or means nothing in this state, is
 * null. A key is never renamed or taken away without a new `format`.
 */
import { STATUS_EXIT } from "../exit-codes.ts";
import { CLOCK } from "../summary/clock-json.ts";
import { conclusion } from "../summary/state-words.ts";
import { describeAgentError } from "./agent-client.ts";
import type { AskedAgent, StatusReport } from "./report.ts";

const FORMAT = 1;

export function jsonView(report: StatusReport): Readonly<Record<string, unknown>> {
  const { clock, judgement, thresholds, agent } = report;
  return {
    format: FORMAT,
    node: report.node,
    time: new Date(report.wallMs).toISOString(),
    verdict: judgement.verdict,
    exit_code: STATUS_EXIT[judgement.verdict],
    conclusion: conclusion(clock),
    reason: judgement.reason ?? null,
    problems: report.problems,
    said_by: report.saidBy,
    chrony_address: report.chronyAddress,
    warning_ms: thresholds.warningMs,
    critical_ms: thresholds.criticalMs,
    ...CLOCK.write(clock),
    agent: agent === undefined ? null : agentObject(agent),
  };
}

function agentObject({ url, report }: AskedAgent): Readonly<Record<string, unknown>> {
  return report.ok
    ? { url, version: report.value.version, state: report.value.clock.state, problem: null }
    : { url, version: null, state: null, problem: describeAgentError(report.error) };
}
