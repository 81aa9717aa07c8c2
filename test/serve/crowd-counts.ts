/** Counters that both threads share. */
export const WRITTEN = 0;
export const ANSWERED = 1;
export const OPEN = 2;

/** The worker's parameters. */
export type CrowdData = {
  readonly host: string;
  readonly port: number;
  readonly clients: number;
  /** Three 32-bit integers. */
  readonly counts: SharedArrayBuffer;
};
