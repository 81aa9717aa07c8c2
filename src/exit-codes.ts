/**
 * The exit codes of every command, in one table. docs/one-machine.md and the help texts show it.
 */

/** Exit codes of the agent, the report and the demo. */
export const EXIT = { ok: 0, failed: 1, usageError: 2 } as const;

/** Exit codes of `status`: the verdicts of monitoring plugins (Monitoring Plugins Development Guidelines). */
export const STATUS_EXIT = { ok: 0, warning: 1, critical: 2, unknown: 3 } as const;

/** Exit codes of `wait`. A signal's number is added to `signalled`. */
export const WAIT_EXIT = { good: 0, timedOut: 1, usageError: 2, signalled: 128 } as const;

/** One row of the table. */
export type ExitCode = {
  readonly command:
    | "chrony-tracker"
    | "chrony-tracker status"
    | "chrony-tracker wait"
    | "chrony-tracker-report"
    | "npm run demo";
  readonly code: number | string;
  /** When the command ends with it. */
  readonly when: string;
};

/** Every exit code that the product gives by itself. No `when` is longer than 69 characters. */
export const EXIT_CODES: readonly ExitCode[] = [
  {
    command: "chrony-tracker",
    code: EXIT.ok,
    when: "ended by a signal (SIGTERM, SIGINT, SIGHUP); --help; --version",
  },
  {
    command: "chrony-tracker",
    code: EXIT.failed,
    when: "the port cannot be used, root cannot be dropped, or a second signal",
  },
  {
    command: "chrony-tracker",
    code: EXIT.usageError,
    when: "an invalid setting or command line",
  },
  {
    command: "chrony-tracker status",
    code: STATUS_EXIT.ok,
    when: "synchronised, and not above a threshold; --help",
  },
  {
    command: "chrony-tracker status",
    code: STATUS_EXIT.warning,
    when: "above --warning; stale; set back; or its time source runs free",
  },
  {
    command: "chrony-tracker status",
    code: STATUS_EXIT.critical,
    when: "above --critical; stepped; local; or unsynchronised",
  },
  {
    command: "chrony-tracker status",
    code: STATUS_EXIT.unknown,
    when: "unreachable; invalid option or setting; report cannot be written",
  },
  {
    command: "chrony-tracker wait",
    code: WAIT_EXIT.good,
    when: "synchronised, and within --within; --help",
  },
  {
    command: "chrony-tracker wait",
    code: WAIT_EXIT.timedOut,
    when: "timed out: not good within --timeout",
  },
  {
    command: "chrony-tracker wait",
    code: WAIT_EXIT.usageError,
    when: "invalid option or setting; --help cannot be written",
  },
  {
    command: "chrony-tracker wait",
    code: `${WAIT_EXIT.signalled} + n`,
    when: "ended by signal n, as by SIGTERM (143)",
  },
  {
    command: "chrony-tracker-report",
    code: EXIT.ok,
    when: "the report was written, whatever its figures; --help; --version",
  },
  {
    command: "chrony-tracker-report",
    code: EXIT.failed,
    when: "the backend does not return the data, or a file cannot be written",
  },
  { command: "chrony-tracker-report", code: EXIT.usageError, when: "an invalid command line" },
  {
    command: "chrony-tracker-report",
    code: "128 + n",
    when: "ended by signal n, as by Ctrl-C (130); no file is left",
  },
  {
    command: "npm run demo",
    code: EXIT.ok,
    when: "Prometheus agrees with chronyd (--seconds); the incident was played",
  },
  {
    command: "npm run demo",
    code: EXIT.failed,
    when: "Prometheus does not agree; or a part is missing or has ended",
  },
  { command: "npm run demo", code: EXIT.usageError, when: "an invalid command line" },
  { command: "npm run demo", code: "128 + n", when: "ended by signal n, as by Ctrl-C (130)" },
];

/** The rows of one command as lines of its help. */
export function exitCodeHelp(command: ExitCode["command"]): string {
  return EXIT_CODES.filter((row) => row.command === command)
    .map(({ code, when }) => `  ${String(code).padEnd(9)}${when}\n`)
    .join("");
}
