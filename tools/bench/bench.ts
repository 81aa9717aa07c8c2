/** What every measurement needs. */
export type Bench = {
  /** The agent's bundle. */
  readonly bundle: string;
  /** The length of a window of measurement, in milliseconds. */
  readonly windowMs: number;
  readonly report: (line: string) => void;
};

/** The shortest intervals that the settings allow: ten polls and pushes a second. */
export const FASTEST = { SLEEP_INTERVAL: "0.1", OTEL_METRIC_EXPORT_INTERVAL: "100" };
