import { type Chronyd, startChronyd } from "./chronyd.ts";
import { freeUdpPort } from "./free-port.ts";
import type { Owner } from "./owner.ts";
import { type ReferenceClock, startReferenceClock } from "./reference-clock.ts";
import { waitFor } from "./wait-for.ts";

/** A healthy time server: a chronyd with a reference clock, at stratum 1. */
export type TimeServer = Chronyd & {
  /** Its UDP port at 127.0.0.1. */
  readonly ntpPort: number;
  readonly clock: ReferenceClock;
  /** Has it be this much ahead of the machine's clock, in seconds, and waits until it is sure of that. */
  shift(seconds: number): Promise<void>;
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
  const shift = async (seconds: number) => {
    clock.setOffset(seconds);
    await waitFor("the server to be sure of its new time", async () => {
      const [tracking] = await chronyd.query("tracking");
      const [offsetSeconds, dispersionSeconds] = [Number(tracking?.[4]), Number(tracking?.[11])];
      // Until its samples agree, its dispersion grows by a second each second.
      return Math.abs(offsetSeconds - seconds) < 1e-4 && dispersionSeconds < 1e-3;
    });
  };
  return Object.assign(chronyd, { ntpPort, clock, shift });
}
