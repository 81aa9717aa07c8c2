/**
 * The agent's log, on standard error: one JSON object a line, or a line for a person on a terminal.
 */
type Severity = "error" | "warn" | "info" | "debug";

/** The least severe level that is written; OpenTelemetry's names for OTEL_LOG_LEVEL. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** From the least to the most output. */
export const LOG_LEVELS = ["none", "error", "warn", "info", "debug", "verbose", "all"] as const;

/** The fields of an event beside its message. Never a secret. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

export type Log = Readonly<Record<Severity, (message: string, fields?: LogFields) => void>>;

/** Where a log goes. */
export type LogOutput = {
  /** @throws when the text cannot be written */
  write(text: string): void;
  /** Whether it is a terminal; then lines are formatted for people. */
  readonly isTTY?: boolean;
};

/**
 * A log of events from `level` on. Lines that cannot be written are dropped and counted; the next line
 * that can be written follows a line with their number.
 */
export function createLog(level: LogLevel, output: LogOutput): Log {
  let lost = 0;
  const line = (severity: Severity, message: string, fields: LogFields) => {
    const time = new Date().toISOString();
    return output.isTTY === true
      ? `${time.slice(11, 23)} ${severity.padEnd(5)} ${message}${fieldsText(fields)}\n`
      : `${JSON.stringify({ time, level: severity, message, ...fields })}\n`;
  };
  const write = (severity: Severity, message: string, fields: LogFields) => {
    try {
      if (lost > 0) {
        output.write(
          line("warn", "Lines of this log were lost: they could not be written.", { lost }),
        );
        lost = 0;
      }
      output.write(line(severity, message, fields));
    } catch {
      lost += 1;
    }
  };
  const writer =
    (severity: Severity) =>
    (message: string, fields: LogFields = {}) => {
      if (LOG_LEVELS.indexOf(severity) <= LOG_LEVELS.indexOf(level)) {
        write(severity, message, fields);
      }
    };
  return {
    error: writer("error"),
    warn: writer("warn"),
    info: writer("info"),
    debug: writer("debug"),
  };
}

function fieldsText(fields: LogFields): string {
  const pairs = Object.entries(fields).filter(([, value]) => value !== undefined);
  return pairs.length === 0
    ? ""
    : `  (${pairs.map(([name, value]) => `${name}: ${value}`).join(", ")})`;
}
