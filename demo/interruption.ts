import { constants } from "node:os";

/** The demo ends because somebody wants it to. */
export class Interruption extends Error {
  override readonly name = "Interruption";
  /** As a shell has it: 128 and the signal's number. */
  readonly exitCode: number;

  constructor(signal: NodeJS.Signals) {
    super(`Stopped by ${signal}.`);
    this.exitCode = 128 + constants.signals[signal];
  }
}

/**
 * Listens to the signals that end a program; the second one ends it at once. A reader who closed the
 * pipe that the demo writes into counts as SIGPIPE, which Node does not let through.
 *
 * @returns what aborts when the demo is to end, with an {@link Interruption} for a reason
 */
export function listenForInterruptions(): AbortSignal {
  const controller = new AbortController();
  const interrupt = (signal: NodeJS.Signals) => {
    const interruption = new Interruption(signal);
    if (controller.signal.aborted) {
      process.exit(interruption.exitCode);
    }
    controller.abort(interruption);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => interrupt(signal));
  }
  process.stdout.on("error", () => {
    // Every further line fails like the first.
    if (!controller.signal.aborted) {
      interrupt("SIGPIPE");
    }
  });
  process.stderr.on("error", () => {
    // What is said there is for people, and nobody listens any more.
  });
  return controller.signal;
}

/** What `promise` gives, or the signal's reason as an error when that comes first. */
export async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort);
  if (signal.aborted) {
    abort();
  }
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
