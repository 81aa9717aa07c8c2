/**
 * Preloaded into a Node.js process (`--import`), this moves the clocks of that process only. The parent process sends a
 * request over the channel, and gets it back when it is done.
 *
 * `{ shiftWallClockMs }` steps the wall clock: `Date.now()` and `new Date()` give the machine's time plus this shift. The
 * monotonic clock (`performance.now()`) is not affected, as with a real step. `{ passMs }` moves both clocks ahead.
 * `{ passMonotonicMs }` moves only the monotonic clock and boot time ahead, which to the process is a step of the wall
 * clock backwards. `{ sleepMs }` is a sleep of the machine: it moves the wall clock and boot time (`/proc/uptime`) ahead,
 * and not the monotonic clock. Timers use the machine's time.
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

// So that the channel does not keep the process running.
process.channel?.unref();
