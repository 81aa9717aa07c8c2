/** Numbers for people. */

/** Seconds with one decimal: `0.8 s`. */
export function seconds(value: number): string {
  return `${value.toFixed(1)} s`;
}

/** A duration in minutes and seconds: `2:05`. */
export function duration(wholeSeconds: number): string {
  const whole = Math.floor(wholeSeconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
