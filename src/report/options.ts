/** The arguments of `chrony-tracker-report`, and its --help. */
import { type OptionValues, parseCommandOptions } from "../command-options.ts";
import { exitCodeHelp } from "../exit-codes.ts";
import { shownAddress } from "../redact.ts";
import { failure, type Result, success } from "../result.ts";
import { httpUrl, numberBetween, type ParseText, secondsBetween } from "../setting-parsers.ts";
import type { BackendSettings } from "./backend.ts";
import type { Question } from "./question.ts";

export type ReportOptions = {
  readonly backend: BackendSettings;
  readonly question: Question;
  /** `undefined`: all clusters. */
  readonly cluster: string | undefined;
  readonly expected: readonly string[];
  /** The beginning of the files' names. */
  readonly output: string;
  /** Whether the samples are written to a file. */
  readonly writesSamples: boolean;
};

const LARGEST_LIMIT_MS = 86_400_000;
const LONGEST_WINDOW_SECONDS = 3600;
const DEFAULT_WINDOW_SECONDS = 60;
const LONGEST_RANGE_MS = 400 * 86_400_000;

const STRING = { type: "string" } as const;

const OPTIONS = {
  prometheus: STRING,
  from: STRING,
  to: STRING,
  within: STRING,
  "reference-error": STRING,
  cluster: STRING,
  expect: { type: "string", multiple: true },
  "bearer-token-file": STRING,
  "ca-file": STRING,
  "peak-window": STRING,
  output: STRING,
  samples: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
  version: { type: "boolean", default: false },
} as const;

type Values = OptionValues<typeof OPTIONS>;

/** The options with one text as value. */
type TextOption = {
  [Name in keyof Values]-?: Values[Name] extends string | undefined ? Name : never;
}[keyof Values];

/** What the command line asks for. */
export type ReportCommand =
  | { readonly kind: "help" | "version" }
  | ({ readonly kind: "report" } & ReportOptions);

/**
 * Parses the command line. All invalid options are reported at once, a sentence each.
 * @param args the arguments after the program's name
 * @param nowMs the time now, which a range must not exceed
 */
export function parseReportOptions(
  args: readonly string[],
  nowMs: number,
): Result<ReportCommand, readonly string[]> {
  const parsed = parseCommandOptions("chrony-tracker-report", args, OPTIONS);
  if (!parsed.ok) {
    return failure([parsed.error]);
  }
  const values = parsed.value;
  if (values.help || values.version) {
    return success({ kind: values.help ? "help" : "version" });
  }
  const problems: string[] = [];
  const url = option("prometheus", queryUrl);
  const fromMs = option("from", time);
  const toMs = option("to", time);
  const limitMs = option("within", numberBetween(0, LARGEST_LIMIT_MS));
  const referenceErrorMs = option("reference-error", numberBetween(0, LARGEST_LIMIT_MS), 0);
  const peakWindowMs = option(
    "peak-window",
    secondsBetween(DEFAULT_WINDOW_SECONDS, LONGEST_WINDOW_SECONDS),
    DEFAULT_WINDOW_SECONDS * 1000,
  );
  const tokenFile = values["bearer-token-file"];
  if (fromMs !== undefined && toMs !== undefined) {
    problems.push(...rangeProblems(fromMs, toMs, nowMs, values));
  }
  if (url !== undefined && tokenFile !== undefined && !keepsSecrets(url)) {
    problems.push(
      `--prometheus is ${shown(url)}: expected https:// with --bearer-token-file, because a token is sent in clear only to this machine.`,
    );
  }
  if (
    url === undefined ||
    fromMs === undefined ||
    toMs === undefined ||
    limitMs === undefined ||
    referenceErrorMs === undefined ||
    peakWindowMs === undefined ||
    problems.length > 0
  ) {
    return failure(problems);
  }
  return success({
    kind: "report",
    backend: { url, tokenFile, caFile: values["ca-file"] },
    question: { fromMs, toMs, limitMs, referenceErrorMs, peakWindowMs },
    cluster: values.cluster,
    expected: (values.expect ?? [])
      .flatMap((names) => names.split(","))
      .map((name) => name.trim())
      .filter((name) => name !== ""),
    output: values.output ?? "chrony-report",
    writesSamples: values.samples,
  });

  function option<Value>(
    name: TextOption,
    parse: ParseText<Value>,
    fallback?: Value,
  ): Value | undefined {
    const text = values[name];
    if (text === undefined) {
      if (fallback === undefined) {
        problems.push(`--${name} is missing. See: chrony-tracker-report --help.`);
      }
      return fallback;
    }
    const value = parse(text);
    if (!value.ok) {
      const given = name === "prometheus" ? shownAddress(text) : text;
      problems.push(`--${name} is ${shown(given)}: ${value.error}.`);
      return undefined;
    }
    return value.value;
  }
}

function rangeProblems(
  fromMs: number,
  toMs: number,
  nowMs: number,
  { from, to }: Values,
): string[] {
  const problems: string[] = [];
  if (toMs <= fromMs) {
    problems.push(`--to is ${shown(to)}: expected a time after --from, which is ${shown(from)}.`);
  } else if (toMs - fromMs > LONGEST_RANGE_MS) {
    problems.push(`--from is ${shown(from)}: expected at most 400 days before --to.`);
  }
  if (toMs > nowMs) {
    problems.push(
      `--to is ${shown(to)}: expected a time that has passed; it is ${new Date(nowMs).toISOString()}.`,
    );
  }
  return problems;
}

const queryUrl: ParseText<string> = (text) => {
  const url = httpUrl(text);
  return url.ok && /[?#]/.test(url.value) ? failure("expected a URL without ? and #") : url;
};

/** A date means its midnight. A time needs a zone, because it would be ambiguous without one. */
const time: ParseText<number> = (text) => {
  const isTime = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d))?$/.test(text);
  const timeMs = isTime && isDay(text.slice(0, 10)) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(timeMs)
    ? failure("expected a date (2026-10-01, in UTC) or a time with its zone (2026-10-01T08:00:00Z)")
    : success(timeMs);
};

/** V8 accepts February 31 as March 3. */
function isDay(date: string): boolean {
  const day = new Date(date);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(date);
}

function keepsSecrets(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return (
    protocol === "https:" ||
    hostname === "localhost" ||
    hostname === "[::1]" ||
    /^127\.\d+\.\d+\.\d+$/.test(hostname)
  );
}

function shown(value: unknown): string {
  return JSON.stringify(value);
}

/** The text of `chrony-tracker-report --help`. */
export const REPORT_HELP = `chrony-tracker-report: were the clocks right, from when to when?

Usage: chrony-tracker-report --prometheus URL --from TIME --to TIME --within MS
                             [OPTION …]

Reads the agents' data from a Prometheus and writes a report: for each
node and for all of them the largest error, the share of the time within the
limit, the time in which the error is not known (never counted as within), steps,
states, sources, and each time above the limit. docs/report.md explains it.

  --prometheus URL     The address before /api/v1/query. Azure: the query endpoint
                       of the workspace.
  --from TIME          A date in UTC (2026-10-01) or a time with its zone
  --to TIME            (2026-10-01T08:00:00Z). The report covers the time
                       after --from, up to and including --to.
  --within MS          The largest error that is within the limit, in
                       milliseconds.
  --reference-error MS The error of the time source itself, in milliseconds:
                       chronyd cannot know it, so you declare it. It is added to
                       every error. Default: 0.
  --cluster NAME       Only this cluster. Default: all.
  --expect NODES       Nodes that must be in the report, even if the backend has
                       no sample of them: names with commas. Can be repeated.
  --bearer-token-file FILE
                       A token for the backend, only over https:// or to this
                       machine. Read again for each request.
  --ca-file FILE       Certificates to trust, in PEM. Default: the system's.
  --peak-window SECONDS
                       The time that a sample of chrony_clock_error_peak_ms
                       covers: 60, or two export intervals if that is longer.
                       Default: 60.
  --output NAME        The start of the files' names: NAME.html, NAME.json,
                       NAME-nodes.csv, NAME-exceedances.csv. None may exist.
                       Default: chrony-report.
  --samples            Also writes NAME.samples: the samples as OpenMetrics
                       text, whose SHA-256 is in the report.
  --version            The version of this program.
  -h, --help           This text.

Exit code:
${exitCodeHelp("chrony-tracker-report")}`;
