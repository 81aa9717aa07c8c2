/**
 * The report as JSON. Keys end in the unit, and are the names of the metrics where a metric exists. Every
 * key is always present; a value that is not known or has no meaning in this state is null. A key is
 * never renamed or removed without a new `format`.
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
