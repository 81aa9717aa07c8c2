/**
 * A time server at 127.0.0.1 that has no source itself and serves the machine's clock at stratum 8.
 *
 * @param ntpPort the UDP port on which it serves.
 */
export function timeServerConfiguration(ntpPort: number): string[] {
  return ["local stratum 8", "allow 127.0.0.1", "bindaddress 127.0.0.1", `port ${ntpPort}`];
}

/** How a follower follows its server. */
export type FollowerOptions = {
  /**
   * How wrong the server's time is said to be, in seconds. As the clock is left alone, a positive
   * value makes a clock that is slow by this much, for ever.
   */
  readonly offsetSeconds?: number;
  /**
   * "fast" asks 16 times a second and is synchronised after 0.3 s; "normal" asks every second or
   * two, as slowly as a person still has the patience to watch.
   */
  readonly polling?: "fast" | "normal";
};

/**
 * A chronyd that follows the server at 127.0.0.1.
 *
 * @param ntpPort the server's UDP port.
 */
export function followerConfiguration(ntpPort: number, options: FollowerOptions = {}): string[] {
  const { offsetSeconds = 0, polling = "fast" } = options;
  const intervals = polling === "fast" ? "minpoll -4 maxpoll -4" : "minpoll 0 maxpoll 1";
  return [`server 127.0.0.1 port ${ntpPort} iburst ${intervals} offset ${offsetSeconds}`];
}

/**
 * A chronyd that never hears from its server.
 *
 * @param silentPort a UDP port at 127.0.0.1 on which nobody serves, so that no packet leaves the
 *   machine.
 */
export function neverSynchronisedConfiguration(silentPort: number): string[] {
  return [`server 127.0.0.1 port ${silentPort} iburst`];
}

/** A chronyd that has no source and calls its own clock right. */
export function localReferenceConfiguration(): string[] {
  return ["local stratum 10"];
}
