/** The agent's command line. Settings come from the environment (settings.ts). */
import { exitCodeHelp } from "./exit-codes.ts";
import { SETTING_DESCRIPTIONS } from "./settings.ts";

/** What the command line asks for. */
export type Command =
  | { readonly kind: "run" }
  /** With the arguments after it (status/options.ts). */
  | { readonly kind: "status"; readonly args: readonly string[] }
  /** With the arguments after it (wait/options.ts). */
  | { readonly kind: "wait"; readonly args: readonly string[] }
  | { readonly kind: "help" }
  | { readonly kind: "version" }
  | { readonly kind: "usage error"; readonly problem: string };

/** @param args the arguments after the program's name */
export function parseCommandLine(args: readonly string[]): Command {
  const [word, ...rest] = args;
  if (word === undefined) {
    return { kind: "run" };
  }
  if (word === "status" || word === "wait") {
    return { kind: word, args: rest };
  }
  if (rest.length === 0 && (word === "--help" || word === "-h")) {
    return { kind: "help" };
  }
  if (rest.length === 0 && word === "--version") {
    return { kind: "version" };
  }
  if (word === "report") {
    return {
      kind: "usage error",
      problem:
        "The report is a separate program: npm run report, or node dist/chrony-tracker-report.cjs (docs/report.md).",
    };
  }
  const problem = `Unknown argument: ${args.join(" ")}. Use status, wait, --help or --version; settings are environment variables.`;
  return { kind: "usage error", problem };
}

/** The text of --help. */
export const HELP = `Chrony Tracker: how wrong can the clock of this node be, right now?

Usage: chrony-tracker [--help | --version]
       chrony-tracker status [OPTION …]
       chrony-tracker wait --within MS --timeout S [--agent URL]

Polls the node's chronyd and reports how wrong its clock can be, by OTLP to a
collector and at /metrics. The command status polls chronyd once, prints a report
and ends (see: chrony-tracker status --help). The command wait ends when the clock
is good enough (see: chrony-tracker wait --help).

  chrony_clock_error_ms        with the offset of chronyd's last update. Far too
                               small while a large offset is slewed away.
  chrony_clock_error_bound_ms  with the offset that is still to be slewed. Rely
                               on this one.
  chrony_clock_error_peak_ms   the largest of both in the last minute. Alert on
                               this one, as alerts, status and page do.

Exit code:
${exitCodeHelp("chrony-tracker")}
Settings are environment variables:

${SETTING_DESCRIPTIONS.map(settingHelp).join("\n")}`;

function settingHelp({
  names,
  explanation,
  default: fallback,
}: (typeof SETTING_DESCRIPTIONS)[number]): string {
  return `${names.join(", ")}\n    ${explanation}\n    Default: ${fallback}\n`;
}
