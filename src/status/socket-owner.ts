/**
 * The owner of chronyd's socket directory, whom a client of chronyd has to be: chronyd answers to a
 * socket file in that directory, and must be able to write to it.
 */
import { type Stats, statSync } from "node:fs";

/**
 * Becomes the directory's owner, where this process is root and may: so `sudo` and `kubectl exec`
 * work without naming a user who differs from node to node. Else nothing changes.
 */
export function becomeOwner(directory: string): void {
  const owner = statOf(directory);
  if (process.geteuid?.() !== 0 || owner === undefined || owner.uid === 0) {
    return;
  }
  try {
    // The user last: nobody but root may change the groups.
    process.setgroups?.([]);
    process.setgid?.(owner.gid);
    process.setuid?.(owner.uid);
  } catch {
    // A root without the capabilities SETUID and SETGID: chronyd will be asked all the same.
  }
}

/** Whether this process is another user than the directory's owner, whom alone chronyd answers. */
export function isOwnedByAnother(directory: string): boolean {
  const owner = statOf(directory);
  return owner !== undefined && owner.uid !== process.geteuid?.();
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}
