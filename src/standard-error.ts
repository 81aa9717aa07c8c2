/**
 * Standard error as the log writes to it: at once, and never waiting. process.stderr would end the
 * process by an event when the pipe behind it breaks, and stop it when nobody reads that pipe.
 */
import { constants, fstatSync, openSync, writeSync } from "node:fs";
import { isatty } from "node:tty";
import type { LogOutput } from "./log.ts";

const STANDARD_ERROR = 2;

/**
 * Opens it, or another descriptor. Before the process becomes another user: a pipe may be the first
 * user's alone.
 */
export function openStandardError(given = STANDARD_ERROR): LogOutput {
  const descriptor = withoutWaiting(given);
  let isCut = false;
  return {
    isTTY: isatty(given),
    write(text) {
      const bytes = Buffer.from(isCut ? `\n${text}` : text);
      const written = writeSync(descriptor, bytes);
      isCut = written < bytes.length;
      if (isCut) {
        throw new Error("The rest of a line could not be written.");
      }
    },
  };
}

/** Another descriptor of the same pipe, which fails when the pipe is full. */
function withoutWaiting(descriptor: number): number {
  try {
    return fstatSync(descriptor).isFIFO()
      ? openSync(`/proc/self/fd/${descriptor}`, constants.O_WRONLY | constants.O_NONBLOCK)
      : descriptor;
  } catch {
    return descriptor;
  }
}
