import { type Chronyd, startChronyd } from "./chronyd.ts";
import { freeUdpPort } from "./free-port.ts";
import type { Owner } from "./owner.ts";
import { type ReferenceClock, startReferenceClock } from "./reference-clock.ts";

/** A healthy time server: a chronyd with a reference clock, at stratum 1. */
export type TimeServer = Chronyd & {
  /** Its UDP port at 127.0.0.1. */
  readonly ntpPort: number;
  readonly clock: ReferenceClock;
};

/** Starts a healthy time server. Its followers need not wait until it is synchronised. */
export async function startTimeServer(owner: Owner): Promise<TimeServer> {
  const ntpPort = await freeUdpPort();
  const clock = await startReferenceClock(owner);
  const chronyd = await startChronyd(owner, {
    name: "server",
    configuration: [
      clock.configuration,
      "allow 127.0.0.1",
      "bindaddress 127.0.0.1",
      `port ${ntpPort}`,
    ],
  });
  return Object.assign(chronyd, { ntpPort, clock });
}
