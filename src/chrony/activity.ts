/**
 * ACTIVITY: how many NTP sources are in each condition. Reference clocks are not counted.
 * Command 44, reply 12, 48 bytes each (`RPY_Activity` in chrony's `candm.h`).
 */
import { InvalidField } from "./fields.ts";
import type { Report } from "./packet.ts";

/** The ACTIVITY reply, in wire order. */
export type Activity = {
  /** Polled regularly. */
  readonly online: number;
  /** Not polled, because chronyd was told that the network is down. */
  readonly offline: number;
  /** Polled in a burst (`burst`, `iburst`), online afterwards. */
  readonly burstOnline: number;
  /** Polled in a burst, offline afterwards. */
  readonly burstOffline: number;
  /** Names without an address yet. */
  readonly unresolved: number;
};

export const activity: Report<Activity> = {
  name: "ACTIVITY",
  command: 44,
  requestBytes: 48,
  replies: [
    {
      code: 12,
      bytes: 48,
      decode: (data) => ({
        online: readCount(data, 28),
        offline: readCount(data, 32),
        burstOnline: readCount(data, 36),
        burstOffline: readCount(data, 40),
        unresolved: readCount(data, 44),
      }),
    },
  ],
};

/** The count is signed on the wire. */
function readCount(data: DataView, offset: number): number {
  const count = data.getInt32(offset);
  if (count < 0) {
    throw new InvalidField(`the count at byte ${offset} is ${count}, expected 0 or more`);
  }
  return count;
}
