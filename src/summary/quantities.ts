/** Numbers for people: a few digits and a unit, at most 14 characters. */

/** A smaller value is shown as less than this, not as zero. */
const SMALLEST_SHOWN_MS = 0.001;

/** `0.031 ms`, `25.012 ms`, `1500.000 ms`, and from ten seconds on `12.3 s`, `3993 s`, `2e+9 s`. */
export function milliseconds(valueMs: number): string {
  const size = Math.abs(valueMs);
  if (size > 0 && size < SMALLEST_SHOWN_MS) {
    return `<${SMALLEST_SHOWN_MS} ms`;
  }
  if (size < 10_000) {
    return `${valueMs.toFixed(3)} ms`;
  }
  return size < 1_000_000
    ? `${(valueMs / 1000).toFixed(1)} s`
    : `${wholeSeconds(valueMs / 1000)} s`;
}

/** With its sign: `+0.031 ms`, `-2.000 ms`, `0.000 ms`. */
export function signedMilliseconds(valueMs: number): string {
  if (valueMs === 0) {
    return "0.000 ms";
  }
  const text = milliseconds(Math.abs(valueMs));
  const sign = valueMs > 0 ? "+" : "-";
  return text.startsWith("<") ? `<${sign}${text.slice(1)}` : `${sign}${text}`;
}

const MINUTE_SECONDS = 60;
const HOUR_SECONDS = 3_600;
const DAY_SECONDS = 86_400;

/** A duration or an age, rounded down: `3.2 s`, `59 s`, `12 min`, `5 h`, `40 d`. */
export function duration(seconds: number): string {
  if (seconds < 10) {
    return `${(Math.floor(seconds * 10) / 10).toFixed(1)} s`;
  }
  if (seconds < 3 * MINUTE_SECONDS) {
    return `${Math.floor(seconds)} s`;
  }
  if (seconds < 3 * HOUR_SECONDS) {
    return `${Math.floor(seconds / MINUTE_SECONDS)} min`;
  }
  if (seconds < 3 * DAY_SECONDS) {
    return `${Math.floor(seconds / HOUR_SECONDS)} h`;
  }
  return `${wholeSeconds(Math.floor(seconds / DAY_SECONDS))} d`;
}

/** An interval that is a power of two: `64 s`, `0.25 s`, `0.063 s`, and from an hour on `2.3 h`. */
export function interval(seconds: number): string {
  if (seconds >= HOUR_SECONDS) {
    return `${Number((seconds / HOUR_SECONDS).toPrecision(2))} h`;
  }
  return `${Number(seconds.toPrecision(seconds >= 1 ? 4 : 2))} s`;
}

/** Parts per million, with as many digits as in chronyc: `12.500 ppm`. */
export function partsPerMillion(valuePpm: number): string {
  return Math.abs(valuePpm) < 100_000
    ? `${valuePpm.toFixed(3)} ppm`
    : `${valuePpm.toExponential(0)} ppm`;
}

function wholeSeconds(value: number): string {
  return Math.abs(value) < 1e7 ? value.toFixed(0) : value.toExponential(0);
}
