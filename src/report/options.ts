/** The options of the report. */
import { parseArgs } from "node:util";
import { exitCodeHelp } from "../exit-codes.ts";
import { shownAddress } from "../redact.ts";
import { failure, type Result, success } from "../result.ts";
import { httpUrl, numberBetween, type ParseText, secondsBetween } from "../setting-parsers.ts";
import type { BackendSettings } from "./backend.ts";
import type { Question } from "./node-figures.ts";

export type ReportOptions = {
  readonly backend: BackendSettings;
  readonly question: Question;
  /** `undefined`: all clusters. */
  readonly cluster: string | undefined;
  readonly expected: readonly string[];
  /** What the names of the files begin with. */
  readonly output: string;
  /** Whether the samples are written, too. */
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

type Values = Partial<Record<keyof typeof OPTIONS, string | readonly string[] | boolean>>;

/** What the command line asks for. */
export type ReportCommand =
  | { readonly kind: "help" | "version" }
  | ({ readonly kind: "report" } & ReportOptions);

/**
 * @param args what stands behind the program's name
 * @param nowMs the latest time that a range may end at
 * @returns all invalid options are reported at once, a sentence each
 */
export function parseReportOptions(
  args: readonly string[],
  nowMs: number,
): Result<ReportCommand, readonly string[]> {
  const parsed = parseValues(args);
  if (!parsed.ok) {
    return failure([parsed.error]);
  }
  const values = parsed.value;
  if (values.help === true || values.version === true) {
    return success({ kind: values.help === true ? "help" : "version" });
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
  const tokenFile = values["bearer-token-file"] as string | undefined;
  if (fromMs !== undefined && toMs !== undefined) {
    const { from, to } = values;
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
    backend: { url, tokenFile, caFile: values["ca-file"] as string | undefined },
    question: { fromMs, toMs, limitMs, referenceErrorMs, peakWindowMs },
    cluster: values.cluster as string | undefined,
    expected: ((values.expect ?? []) as readonly string[])
      .flatMap((names) => names.split(","))
      .map((name) => name.trim())
      .filter((name) => name !== ""),
    output: (values.output as string | undefined) ?? "chrony-report",
    writesSamples: values.samples === true,
  });

  function option<Value>(
    name: keyof typeof OPTIONS,
    parse: ParseText<Value>,
    fallback?: Value,
  ): Value | undefined {
    const text = values[name] as string | undefined;
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

function parseValues(args: readonly string[]): Result<Values, string> {
  try {
    return success(parseArgs({ args: [...args], options: OPTIONS }).values);
  } catch (error) {
    // Its first sentence says what was not understood; the others are about options in general.
    const [sentence = ""] = (error as Error).message.split(/\.\s|\n/);
    return failure(`${sentence.replace(/\.$/, "")}. See: chrony-tracker-report --help.`);
  }
}

const queryUrl: ParseText<string> = (text) => {
  const url = httpUrl(text);
  return url.ok && /[?#]/.test(url.value) ? failure("expected a URL without ? and #") : url;
};

/** A date is its midnight. Without a zone it is not known which time is meant. */
const time: ParseText<number> = (text) => {
  const isTime = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d))?$/.test(text);
  const timeMs = isTime && isDay(text.slice(0, 10)) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(timeMs)
    ? failure("expected a date (2026-10-01, in UTC) or a time with its zone (2026-10-01T08:00:00Z)")
    : success(timeMs);
};

/** V8 takes February 31 for March 3. */
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

Reads what the agents reported from a Prometheus and writes a report: for each
node and for all of them the largest error, the share of the time within the
limit, the time of which nothing is known (never counted as within), steps,
states, sources, and each time above the limit. docs/report.md explains it.

  --prometheus URL     The address that has /api/v1/query behind it. Azure: the
                       query endpoint of the workspace.
  --from TIME          A date in UTC (2026-10-01) or a time with its zone
  --to TIME            (2026-10-01T08:00:00Z). The report is about the time
                       after --from, up to and including --to.
  --within MS          What a clock may be wrong by, in milliseconds.
  --reference-error MS What the time source itself may be wrong by, in
                       milliseconds: chronyd cannot know it, you declare it. It
                       is added to every error. Default: 0.
  --cluster NAME       Only this cluster. Default: all.
  --expect NODES       Names with commas of nodes that must be in the report,
                       also if the backend has nothing of them. Can be repeated.
  --bearer-token-file FILE
                       A token for the backend, by https:// only (or to this
                       machine). Read anew for each request.
  --ca-file FILE       Certificates to trust, in PEM. Default: the system's.
  --peak-window SECONDS
                       How far back a sample of chrony_clock_error_peak_ms goes:
                       60, or two export intervals where that is longer.
                       Default: 60.
  --output NAME        What the files' names begin with: NAME.html, NAME.json,
                       NAME-nodes.csv, NAME-exceedances.csv. None may exist.
                       Default: chrony-report.
  --samples            Writes NAME.samples, too: the samples as OpenMetrics
                       text, whose SHA-256 is in the report.
  --version            The version of this program.
  -h, --help           This text.

Exit code:
${exitCodeHelp("chrony-tracker-report")}`;
