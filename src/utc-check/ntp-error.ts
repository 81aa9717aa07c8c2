/** Why an NTP server gave no time. */
export type NtpError =
  | { readonly kind: "host unknown"; readonly detail: string }
  | { readonly kind: "nobody listens" }
  | { readonly kind: "socket failed"; readonly detail: string }
  | { readonly kind: "no answer"; readonly afterMs: number }
  /** A kiss of death (RFC 5905, section 7.4): the server asks to be left alone. */
  | { readonly kind: "kiss"; readonly code: string }
  | {
      readonly kind: "not synchronised";
      readonly leapIndicator: number;
      readonly stratum: number;
    }
  /** The server reports that it took longer than the whole exchange, or its times run backwards. */
  | { readonly kind: "impossible times"; readonly delaySeconds: number }
  | { readonly kind: "too far"; readonly marginSeconds: number }
  | { readonly kind: "clock stepped" };

/** The kiss codes after which a server is not asked any more (RFC 5905, section 7.4). */
export const FINAL_KISSES: readonly string[] = ["DENY", "RSTR"];

/** The kiss code that asks for a longer interval. */
export const RATE_KISS = "RATE";

/**
 * One sentence: what was wrong, and what to do.
 * @param server as written in UTC_CHECK_SERVERS
 */
export function describeNtpError(server: string, error: NtpError): string {
  const name = `The NTP server ${server}`;
  switch (error.kind) {
    case "host unknown":
      return `${name} was not found (${error.detail}): check the name in UTC_CHECK_SERVERS, and the DNS.`;
    case "nobody listens":
      return `${name} does not answer: nothing listens on that port, or a firewall rejects UDP to it.`;
    case "socket failed":
      return `${name} could not be asked (${error.detail}): check that the node has a route to it.`;
    case "no answer":
      return `${name} did not answer within ${error.afterMs / 1000} s: check that firewalls allow UDP to its port, and that it serves this network.`;
    case "kiss":
      return describeKiss(name, error.code);
    case "not synchronised":
      return `${name} is not synchronised itself (leap indicator ${error.leapIndicator}, stratum ${error.stratum}): its time is not used.`;
    case "impossible times":
      return `${name} answered with impossible times (a delay of ${milliseconds(error.delaySeconds)}): they are not used.`;
    case "too far":
      return `${name} can be wrong by ${milliseconds(error.marginSeconds)}, which is too much for the check: use a nearer server.`;
    case "clock stepped":
      return `The wall clock was stepped while ${server} was asked: its answer is not used.`;
  }
}

function describeKiss(name: string, code: string): string {
  if (code === RATE_KISS) {
    return `${name} asks for fewer requests (RATE): from now on it is asked half as often.`;
  }
  return FINAL_KISSES.includes(code)
    ? `${name} does not serve this node (${code}): it is not asked any more until the agent restarts. Remove it from UTC_CHECK_SERVERS.`
    : `${name} gave no time (kiss of death ${code}).`;
}

/** `0.031 ms` */
export function milliseconds(seconds: number): string {
  return `${(seconds * 1000).toFixed(3)} ms`;
}
