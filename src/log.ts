/**
 * The agent's log, on standard error: one JSON object a line, or a line for a person on a terminal.
 */
type Severity = "error" | "warn" | "info" | "debug";

/** How much is written: what is at least as grave. OpenTelemetry's words for OTEL_LOG_LEVEL. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** From nothing to everything. */
export const LOG_LEVELS = ["none", "error", "warn", "info", "debug", "verbose", "all"] as const;

/** What an event carries beside its message. Never a secret. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

export type Log = Readonly<Record<Severity, (message: string, fields?: LogFields) => void>>;

/**
 * A log that writes what is at least as grave as `level`.
 * @param stream where to; lines for people when it is a terminal
 */
export function createLog(
  level: LogLevel,
  stream: { write(text: string): unknown; readonly isTTY?: boolean } = process.stderr,
): Log {
  const writer =
    (severity: Severity) =>
    (message: string, fields: LogFields = {}) => {
      if (LOG_LEVELS.indexOf(severity) <= LOG_LEVELS.indexOf(level)) {
        const time = new Date().toISOString();
        stream.write(
          stream.isTTY
            ? `${time.slice(11, 23)} ${severity.padEnd(5)} ${message}${fieldsText(fields)}\n`
            : `${JSON.stringify({ time, level: severity, message, ...fields })}\n`,
        );
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
