import { constants } from "node:os";

type Cleanup = () => void;

const cleanups: Cleanup[] = [];
let installed = false;

/**
 * Runs `cleanup` when this process ends. The last registered one is first, so that processes in a folder end before the
 * folder is removed.
 *
 * It runs also after an uncaught error, SIGINT, SIGTERM and SIGHUP, but not after SIGKILL. If a program handles such a
 * signal itself, its cleanups run when it exits.
 *
 * @returns a function that cancels the cleanup
 */
export function atExit(cleanup: Cleanup): () => void {
  install();
  cleanups.push(cleanup);
  return () => {
    const index = cleanups.indexOf(cleanup);
    if (index !== -1) {
      cleanups.splice(index, 1);
    }
  };
}

function install(): void {
  if (installed) {
    return;
  }
  installed = true;
  process.on("exit", () => {
    for (const cleanup of cleanups.toReversed()) {
      try {
        cleanup();
      } catch {
        // A cleanup that fails must not prevent the others, and nothing can report it any more.
      }
    }
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      // Without a listener the signal would end the process without an "exit" event.
      if (process.listenerCount(signal) === 1) {
        process.exit(128 + constants.signals[signal]);
      }
    });
  }
}
