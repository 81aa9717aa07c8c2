/** The numbers that both threads see. */
export const WRITTEN = 0;
export const ANSWERED = 1;
export const OPEN = 2;

/** What the worker is given. */
export type CrowdData = {
  readonly host: string;
  readonly port: number;
  readonly clients: number;
  /** Three 32-bit integers. */
  readonly counts: SharedArrayBuffer;
};
