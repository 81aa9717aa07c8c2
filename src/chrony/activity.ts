/**
 * ACTIVITY: how many NTP sources there are in each condition (reference clocks do not count).
 * Command 44, reply 12, 48 bytes each (`RPY_Activity` in chrony's `candm.h`).
 */
import { InvalidField } from "./fields.ts";
import type { Report } from "./packet.ts";

/** The ACTIVITY reply, in the order of the wire. */
export type Activity = {
  /** Asked for the time regularly. */
  readonly online: number;
  /** Not asked, because the network is said to be away. */
  readonly offline: number;
  /** Asked in quick succession (`burst`, `iburst`), and online afterwards. */
  readonly burstOnline: number;
  /** Asked in quick succession, and offline afterwards. */
  readonly burstOffline: number;
  /** Their names have no address yet. */
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

/** A count that is signed on the wire. */
function readCount(data: DataView, offset: number): number {
  const count = data.getInt32(offset);
  if (count < 0) {
    throw new InvalidField(`the count at byte ${offset} is ${count}, expected 0 or more`);
  }
  return count;
}
