/** Whether chronyd did not answer because of this process. */
import type { ParsedChronyAddress } from "../chrony/address.ts";
import type { ChronyError } from "../chrony/chrony-error.ts";
import { isOwnedByAnother } from "../privileges.ts";

/**
 * Whether the error is caused by this process and means nothing for chronyd. This includes a timeout
 * when this process does not own the socket directory: chronyd then cannot write its answer, not even to
 * root's socket.
 */
export function isFaultOfOurs(error: ChronyError, address: ParsedChronyAddress): boolean {
  switch (error.kind) {
    case "permission denied":
    case "no client socket":
    case "no native part":
      return true;
    case "timed out":
      return address.socketDirectory !== undefined && isOwnedByAnother(address.socketDirectory);
    case "socket missing":
    case "nobody listens":
    case "host unknown":
    case "socket failed":
    case "truncated":
    case "wrong version":
    case "wrong packet type":
    case "wrong command":
    case "refused":
    case "wrong reply":
    case "wrong length":
    case "invalid field":
      return false;
  }
}
