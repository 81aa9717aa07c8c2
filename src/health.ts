/** The answers to the probes. Times are arguments: monotonic, in milliseconds. */
import {
  describeSocketDirectoryFault,
  type SocketDirectory,
  type SocketDirectoryFault,
} from "./chrony/socket-directory.ts";
import type { Log } from "./log.ts";

/** How long a fault may last before liveness fails, in milliseconds. */
export const GRACE_MS = 30_000;

/** The facts that liveness depends on. */
export type Vitals = {
  /** When the newest poll ended, or when the agent started. */
  readonly lastReadingMs: number;
  /** Between two polls. */
  readonly readingIntervalMs: number;
  /** What is wrong with the socket's directory, and since when. */
  readonly directoryFault: { readonly sentence: string; readonly sinceMs: number } | undefined;
};

/**
 * Why the agent must be restarted; `undefined` when it need not be. A dead chronyd is no reason, because
 * it is a state that the agent reports.
 */
export function livenessFailure(vitals: Vitals, nowMs: number): string | undefined {
  const silentMs = nowMs - vitals.lastReadingMs;
  if (silentMs > vitals.readingIntervalMs + GRACE_MS) {
    return `Polling has stopped: no poll ended for ${Math.round(silentMs / 1000)} s.`;
  }
  const { directoryFault } = vitals;
  if (directoryFault !== undefined && nowMs - directoryFault.sinceMs >= GRACE_MS) {
    return directoryFault.sentence;
  }
  return undefined;
}

/** Whether the agent still works, poll after poll. */
export class Health {
  readonly #log: Log;
  readonly #directory: Pick<SocketDirectory, "check"> | undefined;
  #vitals: Vitals;

  /**
   * @param directory of chronyd's socket; `undefined` over UDP
   * @param readingIntervalMs between two polls
   */
  constructor(
    log: Log,
    directory: SocketDirectory | undefined,
    readingIntervalMs: number,
    startedMs: number,
  ) {
    this.#log = log;
    this.#directory = directory;
    this.#vitals = { lastReadingMs: startedMs, readingIntervalMs, directoryFault: undefined };
  }

  /** A poll has ended, whether chronyd answered or not. */
  follow(nowMs: number): void {
    const directoryFault = this.#keptFault(this.#directory?.check(), nowMs);
    this.#vitals = { ...this.#vitals, lastReadingMs: nowMs, directoryFault };
  }

  livenessFailure(nowMs: number): string | undefined {
    return livenessFailure(this.#vitals, nowMs);
  }

  /** The fault, with the time when it was first seen. */
  #keptFault(fault: SocketDirectoryFault | undefined, nowMs: number): Vitals["directoryFault"] {
    if (fault === undefined || this.#vitals.directoryFault !== undefined) {
      return fault && this.#vitals.directoryFault;
    }
    const sentence = describeSocketDirectoryFault(fault);
    this.#log.error(sentence);
    return { sentence, sinceMs: nowMs };
  }
}
