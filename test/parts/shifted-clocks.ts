/**
 * Preloaded into a Node process (`--import`), this is how a test moves the clocks of that process
 * while the machine's stay alone. What the parent process asks for over the channel comes back as
 * an answer once it holds.
 *
 * `{ shiftWallClockMs }` steps the wall clock: `Date.now()` and `new Date()` give the machine's time
 * plus this shift, and the monotonic clock (`performance.now()`) goes on as it is, just as when a real
 * clock is stepped. `{ passMs }` lets time pass at once: both clocks are ahead by that much more.
 * Timers keep to the machine's time.
 */

type Request = { readonly shiftWallClockMs: number } | { readonly passMs: number };

const RealDate = Date;
const realNow = Date.now;
const realMonotonic = performance.now.bind(performance);
let shiftMs = 0;
let passedMs = 0;

const shiftedNow = () => realNow() + shiftMs + passedMs;

RealDate.now = shiftedNow;
globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) =>
    Reflect.construct(target, args.length === 0 ? [shiftedNow()] : args, newTarget),
  apply: () => new RealDate(shiftedNow()).toString(),
});
performance.now = () => realMonotonic() + passedMs;

process.on("message", (request: Request) => {
  if ("passMs" in request) {
    passedMs += request.passMs;
  } else {
    shiftMs = request.shiftWallClockMs;
  }
  process.send?.(request);
});

// The channel alone must not keep the process alive.
process.channel?.unref();
