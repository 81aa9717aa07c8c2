import { type Chronyd, startChronyd } from "../../parts/chronyd.ts";
import { freeUdpPort } from "../../parts/free-port.ts";
import { CONTROL_PLANE } from "./addresses.ts";
import type { TestSetup } from "./test-setup.ts";

/** A time server that every node reaches. */
export interface TimeServer {
  /** The lines of chrony.conf with which a node's chronyd follows it. */
  readonly followerConfiguration: readonly string[];
  readonly chronyd: Chronyd;
}

/** @param folder the server's own. */
export async function startTimeServer(setup: TestSetup, folder: string): Promise<TimeServer> {
  const port = await freeUdpPort();
  const { chronyd, chronyc } = setup.programs;
  const server = await startChronyd({
    chronyd,
    chronyc,
    folder,
    configuration: [
      "local stratum 8",
      "allow 10.201.0.0/24",
      `bindaddress ${CONTROL_PLANE.v4}`,
      `port ${port}`,
    ],
  });
  await server.waitUntilAnswering();
  return {
    followerConfiguration: [`server ${CONTROL_PLANE.v4} port ${port} iburst minpoll -4 maxpoll -4`],
    chronyd: server,
  };
}
