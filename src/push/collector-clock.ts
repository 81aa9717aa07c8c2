/**
 * Whether the node's clock is known to agree with the collector's. The collector tells a node's offset
 * from the moment at which a push arrives. To it, a push that lay somewhere for seconds looks like one
 * from a clock that is slow; only the node, which has its answers' dates, can tell the two apart.
 */
import type { ClockPair } from "../clock/clock-pair.ts";

/** The collector leaves points alone whose node is less than this off (otel-collector/common.yaml). */
const TOLERANCE_MS = 2_000;

/** A date in a header is cut to whole seconds. */
const DATE_RESOLUTION_MS = 1_000;

/** A change of wall minus monotonic time that is a step. Steps below it leave what is known true enough. */
const STEP_MS = 100;

/** Follows what the collector's answers say of its clock. */
export class CollectorClock {
  /** Wall minus monotonic time when the clocks were last seen to agree, in milliseconds. */
  #agreedShiftMs: number | undefined;

  /**
   * The collector answered.
   * @param date the answer's header `date`
   * @param askedMs when the request was sent: monotonic, in milliseconds
   * @param clocks when the answer came
   */
  answered(date: string | undefined, askedMs: number, clocks: ClockPair): void {
    const dateMs = Date.parse(date ?? "");
    if (Number.isNaN(dateMs)) {
      return;
    }
    // The answer was dated between the request and now, and its date is up to a second too early.
    const leastOffsetMs = dateMs - clocks.wallMs;
    const mostOffsetMs = leastOffsetMs + DATE_RESOLUTION_MS + (clocks.monotonicMs - askedMs);
    if (leastOffsetMs > -TOLERANCE_MS && mostOffsetMs < TOLERANCE_MS) {
      this.#agreedShiftMs = shiftOf(clocks);
    } else if (leastOffsetMs >= TOLERANCE_MS || mostOffsetMs <= -TOLERANCE_MS) {
      this.#agreedShiftMs = undefined;
    }
  }

  /** Whether the clocks were seen to agree to 2 s, and the node's was not stepped since. */
  agreesWith(clocks: ClockPair): boolean {
    return (
      this.#agreedShiftMs !== undefined && Math.abs(shiftOf(clocks) - this.#agreedShiftMs) < STEP_MS
    );
  }
}

function shiftOf({ wallMs, monotonicMs }: ClockPair): number {
  return wallMs - monotonicMs;
}
