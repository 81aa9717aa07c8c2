/** Both clocks of the node, read at one moment. */
export type ClockPair = {
  /** The clock under test: milliseconds since 1970. */
  readonly wallMs: number;
  /** Milliseconds since some fixed moment. Never stepped; slewed together with the wall clock; stands still while the machine sleeps. */
  readonly monotonicMs: number;
  /** How far apart the monotonic readings before and after the wall reading were, in milliseconds. */
  readonly bracketMs: number;
  /** How long the machine slept (was suspended) since the agent started, in milliseconds. */
  readonly suspendedMs: number;
};

/** Milliseconds since some fixed moment, the machine's sleep included: what ages are counted by. */
export function timeWithSleepMs({ monotonicMs, suspendedMs }: ClockPair): number {
  return monotonicMs + suspendedMs;
}
