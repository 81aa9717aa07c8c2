import { type Chronyd, type ChronydOptions, startChronyd } from "./chronyd.ts";
import { type FollowerOptions, followerConfiguration } from "./chronyd-configuration.ts";
import type { Owner } from "./owner.ts";
import { startTimeServer, type TimeServer } from "./time-server.ts";

/** A chronyd that follows a time server. */
export type Follower = Chronyd & { readonly server: TimeServer };

/**
 * Starts a chronyd that follows a healthy time server, and waits until it is synchronised, which takes a third of a
 * second.
 *
 * @param options.server the server that it follows. Default: a new one
 */
export async function startFollower(
  owner: Owner,
  options: FollowerOptions & ChronydOptions & { readonly server?: TimeServer } = {},
): Promise<Follower> {
  const { server = await startTimeServer(owner), ...others } = options;
  const chronyd = await startChronyd(owner, {
    ...others,
    configuration: followerConfiguration(server.ntpPort, options),
  });
  await chronyd.waitUntilSynchronised();
  return Object.assign(chronyd, { server });
}
