/**
 * A time server at 127.0.0.1 without a source. It serves the machine's clock at stratum 8.
 *
 * @param ntpPort its UDP port
 */
export function timeServerConfiguration(ntpPort: number): string[] {
  return ["local stratum 8", "allow 127.0.0.1", "bindaddress 127.0.0.1", `port ${ntpPort}`];
}

/** How a follower follows its server. */
export type FollowerOptions = {
  /**
   * The configured offset of the server's time, in seconds. Because the clock is not changed, it stays slow by a positive
   * value.
   */
  readonly offsetSeconds?: number;
  /**
   * "fast" polls 16 times a second and is synchronised after 0.3 s; "normal" polls every second or two, which a person can
   * watch.
   */
  readonly polling?: "fast" | "normal";
};

/**
 * A chronyd that follows the server at 127.0.0.1.
 *
 * @param ntpPort the server's UDP port
 */
export function followerConfiguration(ntpPort: number, options: FollowerOptions = {}): string[] {
  const { offsetSeconds = 0, polling = "fast" } = options;
  const intervals = polling === "fast" ? "minpoll -4 maxpoll -4" : "minpoll 0 maxpoll 1";
  return [`server 127.0.0.1 port ${ntpPort} iburst ${intervals} offset ${offsetSeconds}`];
}

/**
 * A chronyd whose server never answers.
 *
 * @param silentPort an unused UDP port at 127.0.0.1, so that no packet leaves the machine
 */
export function neverSynchronisedConfiguration(silentPort: number): string[] {
  return [`server 127.0.0.1 port ${silentPort} iburst`];
}

/** A chronyd without a source that follows its own clock (`local`). */
export function localReferenceConfiguration(): string[] {
  return ["local stratum 10"];
}
