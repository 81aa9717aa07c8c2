/** Numbers as people read them. */

/** Seconds, to the tenth: `0.8 s`. */
export function seconds(value: number): string {
  return `${value.toFixed(1)} s`;
}

/** How long something has been going on: `2:05`, minutes and seconds. */
export function duration(wholeSeconds: number): string {
  const whole = Math.floor(wholeSeconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
