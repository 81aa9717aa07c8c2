import { STALE_FLOOR_SECONDS } from "../src/clock/sync-state.ts";
import type { Parts } from "./parts.ts";
import { CLOCK_ERROR } from "./series.ts";

/** One step of the incident. */
export type Step = {
  readonly title: string;
  /** What was done, for a person. At most 67 characters. */
  readonly done: string;
  /** What should be seen, for a person. At most 67 characters. */
  readonly expected: string;
  /** The same in PromQL: a query that returns the node once by push and once by pull when the effect is there. */
  readonly effect: string;
  readonly act: (parts: Parts) => Promise<unknown>;
  /** The usual time until the effect is seen. */
  readonly usualSeconds: number;
  /** The longest allowed time until the effect is seen. */
  readonly longestSeconds: number;
};

const WRONG_BY_SECONDS = 0.3;

const SYNCHRONISED = `chrony_sync_state{state="synchronised"} == 1
and on (job) chrony_clock_error_bound_ms < 1`;

/** The incident, from a healthy clock back to one. */
export const INCIDENT: readonly Step[] = [
  {
    title: "all is well",
    done: "Nothing was done yet.",
    expected: "The state is synchronised, the error a few thousandths of a ms.",
    effect: SYNCHRONISED,
    act: async () => {},
    usualSeconds: 2,
    longestSeconds: 30,
  },
  {
    title: "the clock becomes wrong by 300 ms",
    done: "The server's time was set back: the node's clock is 300 ms fast.",
    expected: "The error jumps up and falls again; bound and peak show 300 ms.",
    // The error has only the offset of the last update, so it becomes small after the next update. The
    // bound has the offset that remains, which nothing corrects here.
    effect: `chrony_clock_error_peak_ms > 299
and on (job) chrony_clock_error_ms < 1
and on (job) chrony_clock_error_bound_ms > 299.9 < 300.1`,
    // The machine's clock is not changed. For the node it makes no difference which of the clocks moves.
    act: async ({ timeServer }) => timeServer.clock.setOffset(-WRONG_BY_SECONDS),
    usualSeconds: 7,
    longestSeconds: 60,
  },
  {
    title: "the time source stops",
    done: "The chronyd that serves time was stopped.",
    // Eight of the demo's polls take less than the floor, so the floor applies.
    expected: `The reference grows old; beyond ${STALE_FLOOR_SECONDS} s the state is stale.`,
    effect: `chrony_sync_state{state="stale"} == 1
and on (job) chrony_reference_age_seconds > ${STALE_FLOOR_SECONDS}`,
    act: (parts) => parts.stopTimeServer(),
    usualSeconds: STALE_FLOOR_SECONDS,
    longestSeconds: STALE_FLOOR_SECONDS + 30,
  },
  {
    title: "chronyd itself stops",
    done: "The node's chronyd was stopped.",
    expected: "The state is unreachable. The values are absent, in PromQL, too.",
    effect: `chrony_sync_state{state="unreachable"} == 1
unless on (job) ${CLOCK_ERROR}`,
    act: (parts) => parts.stopFollower(),
    usualSeconds: 3,
    longestSeconds: 30,
  },
  {
    title: "all recovers",
    done: "Both chronyds were started again.",
    expected: "1500 ms while nothing is known (the peak keeps it), then as before.",
    effect: SYNCHRONISED,
    act: (parts) => parts.restartChronyds(),
    usualSeconds: 4,
    longestSeconds: 60,
  },
];
