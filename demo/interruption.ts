import { constants } from "node:os";

/** The demo was interrupted. */
export class Interruption extends Error {
  override readonly name = "Interruption";
  /** 128 plus the number of the signal, as in a shell. */
  readonly exitCode: number;

  constructor(signal: NodeJS.Signals) {
    super(`Stopped by ${signal}.`);
    this.exitCode = 128 + constants.signals[signal];
  }
}

/**
 * Listens to the signals that end a program. The second one ends it at once. A closed standard output counts as
 * SIGPIPE, because Node.js ignores that signal.
 * @returns aborts when the demo should end, with an {@link Interruption} as reason
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
    // Only the first time, because each further line fails as well.
    if (!controller.signal.aborted) {
      interrupt("SIGPIPE");
    }
  });
  process.stderr.on("error", () => {
    // The demo goes on, because standard error has only its progress.
  });
  return controller.signal;
}

/** The result of the promise, or the reason of the signal as an error if it aborts first. */
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
