import { type Chronyd, startChronyd } from "../../parts/chronyd.ts";
import { freeUdpPort } from "../../parts/free-port.ts";
import type { Owner } from "../../parts/owner.ts";
import { startReferenceClock } from "../../parts/reference-clock.ts";
import { CONTROL_PLANE } from "./addresses.ts";

/** A healthy time server for all nodes. */
export type NodeTimeServer = {
  /** The lines of chrony.conf to follow it. */
  readonly followerConfiguration: readonly string[];
  readonly chronyd: Chronyd;
};

export async function startNodeTimeServer(owner: Owner): Promise<NodeTimeServer> {
  const port = await freeUdpPort();
  const clock = await startReferenceClock(owner);
  const chronyd = await startChronyd(owner, {
    configuration: [
      clock.configuration,
      "allow 10.201.0.0/24",
      `bindaddress ${CONTROL_PLANE.v4}`,
      `port ${port}`,
    ],
  });
  return {
    followerConfiguration: [`server ${CONTROL_PLANE.v4} port ${port} iburst minpoll -4 maxpoll -4`],
    chronyd,
  };
}
