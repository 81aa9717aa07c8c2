/** Both clocks of the node, read at one moment. */
export type ClockPair = {
  /** The clock under test: milliseconds since 1970. */
  readonly wallMs: number;
  /** Milliseconds since some fixed moment. Never stepped; slewed together with the wall clock. */
  readonly monotonicMs: number;
  /** How far apart the monotonic readings before and after the wall reading were, in milliseconds. */
  readonly bracketMs: number;
};
