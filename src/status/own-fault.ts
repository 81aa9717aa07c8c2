/** Whether chronyd's silence is due to who asked. */
import type { ParsedChronyAddress } from "../chrony/address.ts";
import type { ChronyError } from "../chrony/chrony-error.ts";
import { isOwnedByAnother } from "../privileges.ts";

/**
 * Whether a question went unanswered because of who asked, and says nothing of chronyd. A timeout
 * is of that kind when this process is not the socket directory's owner: chronyd then has no way to
 * write its answer (to root's socket neither).
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
