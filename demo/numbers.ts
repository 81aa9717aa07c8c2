/** Numbers as people read them. */

const SMALLEST_SHOWN_MS = 0.001;

/** Milliseconds, to the microsecond: `0.004 ms`. What is too small to show is not shown as zero. */
export function milliseconds(value: number): string {
  return value > 0 && value < SMALLEST_SHOWN_MS
    ? `<${SMALLEST_SHOWN_MS} ms`
    : `${value.toFixed(3)} ms`;
}

/** Seconds, to the tenth: `0.8 s`. */
export function seconds(value: number): string {
  return `${value.toFixed(1)} s`;
}

/** How long something has been going on: `2:05`, minutes and seconds. */
export function duration(wholeSeconds: number): string {
  const whole = Math.floor(wholeSeconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
