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

/** @param words what stands behind the program's name */
export function parseCommandLine(words: readonly string[]): Command {
  const options = parseOptions(words);
  if (options === undefined) {
    return misused(
      `Not understood: ${words.join(" ")}. There are --incident, --seconds N and --help; with npm they stand behind two dashes: npm run demo -- --seconds 10`,
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
    return misused("--incident and --seconds do not go together: an incident ends by itself.");
  }
  const number = /^\d+(\.\d+)?$/.test(seconds) ? Number(seconds) : Number.NaN;
  return number >= 1 && number <= LONGEST_CHECK_SECONDS
    ? { kind: "check", seconds: number }
    : misused(`--seconds is ${seconds}: expected a number from 1 to ${LONGEST_CHECK_SECONDS}.`);
}

function parseOptions(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
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

function misused(problem: string): Command {
  return { kind: "usage error", problem };
}

/** The text of --help. */
export const HELP = `The demo of Chrony Tracker: the whole way from chronyd to PromQL.

Usage: npm run demo [-- --incident | -- --seconds N]

Starts a chronyd that serves time, one that follows it, the agent, the collector
and Prometheus, and shows what they say until Ctrl-C. All of it runs in a folder
for temporary files and on free ports of 127.0.0.1. The machine's clock is left
alone, and nothing is installed: what is missing is brought into a cache.

  --incident   Plays an incident: the clock goes 300 ms wrong, the time source
               dies, then chronyd itself, then all recovers. One to two minutes.
  --seconds N  Needs no terminal, and ends after N seconds: with one line if
               Prometheus then has fresh chrony_clock_error_ms, by push and by
               pull, that agree with chronyd's own report; else with the reason.

Exit code:
${exitCodeHelp("npm run demo")}
The environment variables CHRONYD, PROMETHEUS and OTELCOL name programs to use
instead of those that are looked for, CHRONY_TRACKER_CACHE the cache's folder.
`;
