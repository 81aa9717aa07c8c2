/**
 * Preloaded into a Node process (`--import`), this is how a test moves the wall clock of that
 * process while the machine's stays alone. `Date.now()` and `new Date()` give the machine's time
 * plus a shift, which a message `{ shiftWallClockMilliseconds }` over the channel to the parent
 * process sets; the same message comes back once it holds. The monotonic clock
 * (`performance.now()`, `process.hrtime()`) goes on as it is, just as when a real clock is stepped.
 */

const RealDate = Date;
const realNow = Date.now;
let shiftMilliseconds = 0;

const shiftedNow = () => realNow() + shiftMilliseconds;

RealDate.now = shiftedNow;
globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) =>
    Reflect.construct(target, args.length === 0 ? [shiftedNow()] : args, newTarget),
  apply: () => new RealDate(shiftedNow()).toString(),
});

process.on("message", (message: { readonly shiftWallClockMilliseconds: number }) => {
  shiftMilliseconds = message.shiftWallClockMilliseconds;
  process.send?.(message);
});

// The channel alone must not keep the process alive.
process.channel?.unref();
