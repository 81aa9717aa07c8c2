/** The node's wall clock and monotonic clock, read at one moment. */
export type ClockPair = {
  /** The wall clock, which is under test: milliseconds since 1970. */
  readonly wallMs: number;
  /** Milliseconds since a fixed moment. Never stepped, slewed together with the wall clock, stopped while the machine sleeps. */
  readonly monotonicMs: number;
  /** Time between the monotonic readings before and after the wall reading, in milliseconds. */
  readonly bracketMs: number;
  /** How long the machine slept (was suspended) since the agent started, in milliseconds. */
  readonly suspendedMs: number;
};

/** Milliseconds since a fixed moment, including sleep. Ages are measured by this clock. */
export function timeWithSleepMs({ monotonicMs, suspendedMs }: ClockPair): number {
  return monotonicMs + suspendedMs;
}
