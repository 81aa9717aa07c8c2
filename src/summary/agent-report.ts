/** The report of an agent on its node's clock and on itself, served at `/status`. */
import { NON_NEGATIVE, object, oneOf, orNull, type Shape, TEXT } from "../json-shape.ts";
import { failure, type Result, success } from "../result.ts";
import type { ClockFacts } from "./clock-facts.ts";
import { CLOCK } from "./clock-json.ts";

export type AgentReport = {
  readonly version: string;
  readonly node: string;
  readonly clock: ClockFacts;
  /** How long an error counts for the peak, in seconds. */
  readonly peakWidthSeconds: number;
  /** `undefined` when the agent does not push. */
  readonly push: PushFacts | undefined;
};

/** The results of the pushes since the agent started. */
export type PushFacts = {
  readonly accepted: number;
  readonly failed: number;
  /** The time since the last accepted push; `undefined` when there was none. */
  readonly acceptedSecondsAgo: number | undefined;
  /** Why the last push failed, as a sentence without secrets; `undefined` when it succeeded. */
  readonly failure: string | undefined;
};

/** Changes when a key is renamed or removed. */
const FORMAT = 1;

const REPORT: Shape<AgentReport & { readonly format: number }> = object({
  format: ["format", oneOf([FORMAT])],
  version: ["version", TEXT],
  node: ["node", TEXT],
  clock: ["clock", CLOCK],
  peakWidthSeconds: ["peak_width_seconds", NON_NEGATIVE],
  push: [
    "push",
    orNull(
      object<PushFacts>({
        accepted: ["accepted", NON_NEGATIVE],
        failed: ["failed", NON_NEGATIVE],
        acceptedSecondsAgo: ["accepted_seconds_ago", orNull(NON_NEGATIVE)],
        failure: ["failure", orNull(TEXT)],
      }),
    ),
  ],
});

/** The report as a line of JSON. */
export function agentReportText(report: AgentReport): string {
  return `${JSON.stringify(REPORT.write({ format: FORMAT, ...report }))}\n`;
}

/** Parses an untrusted text as a report. The error is a clause that says what is wrong. */
export function parseAgentReport(text: string): Result<AgentReport, string> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return failure("it is not JSON");
  }
  const read = REPORT.read(json);
  if (!read.ok) {
    return failure(`the report${read.error}`);
  }
  const { format, ...report } = read.value;
  return success(report);
}
