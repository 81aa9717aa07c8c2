import { constants } from "node:os";

type Cleanup = () => void;

const cleanups: Cleanup[] = [];
let installed = false;

/**
 * Runs `cleanup` when this process ends, the last registered first: what was started in a folder is
 * gone before the folder is.
 *
 * An exit is noticed however it comes about, an uncaught error and SIGINT, SIGTERM and SIGHUP
 * included; only SIGKILL is not. A program that handles such a signal itself keeps doing so, and
 * its cleanups run when it exits.
 *
 * @returns a function that forgets the cleanup again.
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
        // One cleanup that fails must not keep the others from running, and nobody listens any more.
      }
    }
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      // Without a listener the signal would end the process, and no "exit" event would be seen.
      if (process.listenerCount(signal) === 1) {
        process.exit(128 + constants.signals[signal]);
      }
    });
  }
}
