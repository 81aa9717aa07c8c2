/**
 * Everything that can go wrong between the agent and chronyd, by kind, with a sentence for each: what
 * was tried, what was found, and what to do.
 */
export type ChronyError =
  /** chronyd's end. */
  | { readonly kind: "socket missing"; readonly path: string }
  | { readonly kind: "permission denied"; readonly path: string }
  | { readonly kind: "nobody listens"; readonly address: string }
  | { readonly kind: "host unknown"; readonly host: string; readonly detail: string }
  | {
      readonly kind: "timed out";
      readonly report: string;
      readonly address: string;
      readonly afterMs: number;
    }
  /** Our end. */
  | { readonly kind: "no client socket"; readonly path: string; readonly detail: string }
  | { readonly kind: "no native part"; readonly detail: string }
  | { readonly kind: "socket failed"; readonly address: string; readonly detail: string }
  /** The reply to our request. */
  | {
      readonly kind: "truncated";
      readonly report: string;
      readonly bytes: number;
      readonly neededBytes: number;
    }
  | { readonly kind: "wrong version"; readonly report: string; readonly version: number }
  | { readonly kind: "wrong packet type"; readonly report: string; readonly packetType: number }
  | {
      readonly kind: "wrong command";
      readonly report: string;
      readonly command: number;
      readonly expected: number;
    }
  | { readonly kind: "refused"; readonly report: string; readonly status: number }
  | {
      readonly kind: "wrong reply";
      readonly report: string;
      readonly code: number;
      readonly expected: readonly number[];
    }
  | {
      readonly kind: "wrong length";
      readonly report: string;
      readonly bytes: number;
      readonly expectedBytes: number;
    }
  | { readonly kind: "invalid field"; readonly report: string; readonly detail: string };

/** The status codes (`STT_…` in `candm.h`) with which chronyd can refuse a read-only command. */
const STATUS_NAMES: Readonly<Record<number, string>> = {
  1: "FAILED",
  2: "UNAUTH: not permitted over this transport, use the Unix socket",
  3: "INVALID: this chronyd does not know the command",
  4: "NOSUCHSOURCE",
  18: "BADPKTVERSION: this chronyd speaks another version of the protocol",
  19: "BADPKTLENGTH",
};

/** One sentence: what was tried, what was found, what to do. */
export function describeChronyError(error: ChronyError): string {
  switch (error.kind) {
    case "socket missing":
      return `There is no socket at ${error.path}: chronyd is not running, or its command socket is elsewhere (bindcmdaddress) or off.`;
    case "permission denied":
      return `Not allowed to use ${error.path}: run as the user that owns chronyd's socket directory (see: stat ${parentFolder(error.path)}).`;
    case "nobody listens":
      return `Nobody listens at ${error.address}: chronyd is not running, or its command port is off (cmdport).`;
    case "host unknown":
      return `The host ${error.host} has no address (${error.detail}): check CHRONY_ADDRESS.`;
    case "timed out":
      return `chronyd at ${error.address} did not answer ${error.report} within ${error.afterMs} ms: ${reasonForSilence(error.address)}.`;
    case "no client socket":
      return `Could not bind a socket at ${error.path}, where chronyd would answer: ${error.detail}.`;
    case "no native part":
      return `Unix sockets need koffi's native part for ${process.platform} on ${process.arch} with glibc, which cannot be loaded here (${error.detail}). UDP works without it: CHRONY_ADDRESS=udp://127.0.0.1:323.`;
    case "socket failed":
      return `The socket to chronyd at ${error.address} failed: ${error.detail}.`;
    case "truncated":
      return `The reply to ${error.report} has ${error.bytes} bytes, a reply needs at least ${error.neededBytes}.`;
    case "wrong version":
      return `The reply to ${error.report} is of protocol version ${error.version}, expected 6: this chronyd is not supported.`;
    case "wrong packet type":
      return `The reply to ${error.report} is of packet type ${error.packetType}, expected 2.`;
    case "wrong command":
      return `The reply to ${error.report} answers command ${error.command}, expected ${error.expected}.`;
    case "refused":
      return `chronyd refused ${error.report} with status ${error.status} (${STATUS_NAMES[error.status] ?? "unknown"}).`;
    case "wrong reply":
      return `The reply to ${error.report} has code ${error.code}, expected ${error.expected.join(" or ")}: this version of chrony is not supported.`;
    case "wrong length":
      return `The reply to ${error.report} has ${error.bytes} bytes, expected ${error.expectedBytes}.`;
    case "invalid field":
      return `The reply to ${error.report} is invalid: ${error.detail}.`;
  }
}

/** Over a Unix socket there are two more causes: the path of our socket, and a security policy. */
function reasonForSilence(address: string): string {
  const ofAnySocket = "it is stopped or overloaded";
  return address.startsWith("unix:")
    ? `${ofAnySocket}, or it cannot write to the agent's socket. In a container, mount chronyd's directory at the path it has on the node. Where SELinux is enforcing (Azure Container Linux), its policy may forbid the answer: ask over UDP instead, CHRONY_ADDRESS=udp://127.0.0.1:323 in the node's network`
    : `${ofAnySocket}, or does not permit this host (cmdallow), or a firewall drops the packets`;
}

function parentFolder(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}
