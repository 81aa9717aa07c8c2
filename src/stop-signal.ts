/**
 * The signals that end the agent, caught from the first statement of src/main.ts on. Without a handler, the kernel drops
 * them for the first process of a container, and any other process would end without a last push.
 */

const STOP_SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP"] as const;

export type StopSignal = (typeof STOP_SIGNALS)[number];

type Handler = (signal: StopSignal) => void;

let handle: Handler | undefined;
let early: StopSignal | undefined;

const listeners = STOP_SIGNALS.map((signal) => ({
  signal,
  listener: () => {
    if (handle === undefined) {
      early ??= signal;
    } else {
      handle(signal);
    }
  },
}));

/** Prevents the signals from ending the process. They are kept for {@link onStopSignal}. */
export function catchStopSignals(): void {
  for (const { signal, listener } of listeners) {
    process.on(signal, listener);
  }
}

/** Calls a handler for each of the signals, also for one that has come already. */
export function onStopSignal(handler: Handler): void {
  handle = handler;
  if (early !== undefined) {
    const signal = early;
    early = undefined;
    handler(signal);
  }
}

/** Restores the default effect of the signals, also for one that has come already. */
export function leaveStopSignals(): void {
  for (const { signal, listener } of listeners) {
    process.off(signal, listener);
  }
  if (early !== undefined) {
    process.kill(process.pid, early);
  }
}
