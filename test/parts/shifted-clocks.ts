/**
 * Preloaded into a Node process (`--import`), this is how a test moves the clocks of that process
 * while the machine's stay alone. What the parent process asks for over the channel comes back as
 * an answer once it holds.
 *
 * `{ shiftWallClockMs }` steps the wall clock: `Date.now()` and `new Date()` give the machine's time
 * plus this shift, and the monotonic clock (`performance.now()`) goes on as it is, just as when a real
 * clock is stepped. `{ passMs }` lets time pass at once: both clocks are ahead by that much more.
 * `{ passMonotonicMs }` lets it pass by the monotonic clock and boot time alone, which to the process is
 * a step of the wall clock backwards by as much, at the same moment.
 * `{ sleepMs }` is a sleep of the machine: the wall clock and boot time (`/proc/uptime`) are ahead by
 * that much more, and the monotonic clock stood still. Timers keep to the machine's time.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

type Request =
  | { readonly shiftWallClockMs: number }
  | { readonly passMs: number }
  | { readonly passMonotonicMs: number }
  | { readonly sleepMs: number };

const UPTIME_FILE = "/proc/uptime";

const RealDate = Date;
const realNow = Date.now;
const realMonotonic = performance.now.bind(performance);
let shiftMs = 0;
let passedMs = 0;
let monotonicPassedMs = 0;
let sleptMs = 0;

const realReadFileSync = fs.readFileSync;
fs.readFileSync = ((...args: Parameters<typeof realReadFileSync>) => {
  const content = realReadFileSync(...args);
  const aheadSeconds = (passedMs + monotonicPassedMs + sleptMs) / 1000;
  return args[0] === UPTIME_FILE && typeof content === "string"
    ? content.replace(/^\S+/, (seconds) => (Number(seconds) + aheadSeconds).toFixed(2))
    : content;
}) as typeof realReadFileSync;
syncBuiltinESMExports();

const shiftedNow = () => realNow() + shiftMs + passedMs + sleptMs;

RealDate.now = shiftedNow;
globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) =>
    Reflect.construct(target, args.length === 0 ? [shiftedNow()] : args, newTarget),
  apply: () => new RealDate(shiftedNow()).toString(),
});
performance.now = () => realMonotonic() + passedMs + monotonicPassedMs;

process.on("message", (request: Request) => {
  if ("passMs" in request) {
    passedMs += request.passMs;
  } else if ("passMonotonicMs" in request) {
    monotonicPassedMs += request.passMonotonicMs;
  } else if ("sleepMs" in request) {
    sleptMs += request.sleepMs;
  } else {
    shiftMs = request.shiftWallClockMs;
  }
  process.send?.(request);
});

// The channel alone must not keep the process alive.
process.channel?.unref();
