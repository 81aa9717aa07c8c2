/** The demo's command line. */
import { parseArgs } from "node:util";
import { exitCodeHelp } from "../src/exit-codes.ts";

/** What the command line asks for. */
export type Command =
  | { readonly kind: "watch" }
  | { readonly kind: "incident" }
  | { readonly kind: "check"; readonly seconds: number }
  | { readonly kind: "help" }
  | { readonly kind: "usage error"; readonly problem: string };

const LONGEST_CHECK_SECONDS = 86_400;

/** @param args the arguments after the program's name */
export function parseCommandLine(args: readonly string[]): Command {
  const options = parseOptions(args);
  if (options === undefined) {
    return usageError(
      `Unknown argument: ${args.join(" ")}. The options are --incident, --seconds N and --help; npm needs two dashes before them: npm run demo -- --seconds 10`,
    );
  }
  const { help, incident, seconds } = options;
  if (help) {
    return { kind: "help" };
  }
  if (seconds === undefined) {
    return { kind: incident ? "incident" : "watch" };
  }
  if (incident) {
    return usageError("--incident and --seconds exclude each other: expected one of them at most.");
  }
  const number = /^\d+(\.\d+)?$/.test(seconds) ? Number(seconds) : Number.NaN;
  return number >= 1 && number <= LONGEST_CHECK_SECONDS
    ? { kind: "check", seconds: number }
    : usageError(`--seconds is ${seconds}: expected a number from 1 to ${LONGEST_CHECK_SECONDS}.`);
}

function parseOptions(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        help: { type: "boolean", short: "h" },
        incident: { type: "boolean" },
        seconds: { type: "string" },
      },
    }).values;
  } catch {
    return undefined;
  }
}

function usageError(problem: string): Command {
  return { kind: "usage error", problem };
}

/** The text of --help. */
export const HELP = `The demo of Chrony Tracker: the whole path from chronyd to PromQL.

Usage: npm run demo [-- --incident | -- --seconds N]

Starts a chronyd that serves time, one that follows it, the agent, the collector
and Prometheus, and shows what they report until Ctrl-C. Everything runs in a
temporary folder and on free ports of 127.0.0.1. The machine's clock is not
changed and nothing is installed: missing programs are downloaded to a cache.

  --incident   Plays an incident: the clock becomes wrong by 300 ms, the time
               source stops, then chronyd, then all recovers. 1 to 2 minutes.
  --seconds N  Without a terminal. After N seconds it checks that Prometheus has
               recent values of chrony_clock_error_ms, by push and by pull, that
               agree with chronyd's own reports, and prints one line.

Exit code:
${exitCodeHelp("npm run demo")}
The environment variables CHRONYD, PROMETHEUS and OTELCOL name the programs to
use, CHRONY_TRACKER_CACHE the folder of the cache.
`;
