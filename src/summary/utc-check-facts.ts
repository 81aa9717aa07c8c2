/** What the page and `status` show of the check against NTP servers. */
import type { Assessment } from "../clock/assessment.ts";
import { timeWithSleepMs } from "../clock/clock-pair.ts";
import type { UtcCheck } from "../utc-check/check.ts";

/** What independent NTP servers say of the clock (UTC_CHECK_SERVERS). */
export type UtcCheckFacts = {
  /** How long ago they were asked; `undefined` when no check counts: none yet, or the clock was stepped since. */
  readonly ageSeconds: number | undefined;
  /** Whether the clock's bound and all of them exclude each other; `undefined` when that is not known. */
  readonly contradiction: boolean | undefined;
  readonly servers: readonly UtcServerFacts[];
};

export type UtcServerFacts = {
  /** As UTC_CHECK_SERVERS has it. */
  readonly server: string;
  /** The server's clock minus the node's; positive: the node's is behind. */
  readonly offsetSeconds: number | undefined;
  /** What that offset can be wrong by, either way. */
  readonly marginSeconds: number | undefined;
  /** Why it gave no time, as a sentence. */
  readonly problem: string | undefined;
};

/** @param check the last one that counts; `undefined` when there is none */
export function utcCheckFacts(
  check: UtcCheck | undefined,
  { clocks, clockErrorBoundMs }: Assessment,
): UtcCheckFacts {
  if (check === undefined) {
    return { ageSeconds: undefined, contradiction: undefined, servers: [] };
  }
  return {
    ageSeconds: (timeWithSleepMs(clocks) - timeWithSleepMs(check.clocks)) / 1000,
    // Without a bound now, there is nothing to contradict.
    contradiction: clockErrorBoundMs === undefined ? undefined : check.contradiction,
    servers: check.answers.map(({ server, measurement, problem }) => ({
      server,
      offsetSeconds: measurement?.offsetSeconds,
      marginSeconds: measurement?.marginSeconds,
      problem,
    })),
  };
}
