/**
 * Standard error for the log, without blocking. process.stderr would end the process when the pipe's reader has ended, and
 * block it when the pipe is full.
 */
import { constants, fstatSync, openSync, writeSync } from "node:fs";
import { isatty } from "node:tty";
import type { LogOutput } from "./log.ts";

const STANDARD_ERROR = 2;

/**
 * Opens standard error or another descriptor. This must be done before the process becomes another user, because only the
 * first user may be allowed to open the pipe.
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
