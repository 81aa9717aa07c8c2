/**
 * Which user a process runs as that root started. chronyd answers to a socket file that its client binds
 * in chronyd's own directory, and chronyd must be able to write to that file. So the client must be the
 * user that owns the directory. That user differs from node to node.
 *
 * | asked over                                | becomes                 | because             |
 * |-------------------------------------------|-------------------------|---------------------|
 * | UDP                                       | `nobody`                | no Unix socket      |
 * | a directory that does not exist           | `nobody`                | no directory        |
 * | a directory that root owns                | `nobody`: never root    | directory is root's |
 * | a directory that another user owns        | that user               | owns directory      |
 *
 * The change is permanent, and is made before anything is opened. A process that another user started
 * keeps that user.
 */
import { readFileSync, statSync } from "node:fs";
import { failure, type Result, success } from "./result.ts";

/** A user and a group by number, because names differ between a node and a container. */
export type User = { readonly uid: number; readonly gid: number };

/** The kernel's overflow user, `nobody` by name. It owns nothing. */
export const NOBODY: User = { uid: 65_534, gid: 65_534 };

/** A row of the table: the user that the process becomes, and why. */
export type RunAs = {
  readonly user: User;
  readonly because: "no Unix socket" | "no directory" | "directory is root's" | "owns directory";
};

/** Why the privileges were not dropped. */
export type PrivilegeError =
  | { readonly kind: "not permitted"; readonly user: User; readonly detail: string }
  | { readonly kind: "user namespace"; readonly user: User; readonly detail: string }
  | { readonly kind: "not for good"; readonly user: User; readonly detail: string };

/** `998:998`, as chown and stat write it. */
export function userText({ uid, gid }: User): string {
  return `${uid}:${gid}`;
}

/**
 * The row of the table that fits.
 * @param directory of chronyd's socket; `undefined` over UDP, where any user can ask
 * @param owner of that directory; `undefined` when it does not exist
 */
export function runAsFor(directory: string | undefined, owner: User | undefined): RunAs {
  if (directory === undefined) {
    return { user: NOBODY, because: "no Unix socket" };
  }
  if (owner === undefined) {
    return { user: NOBODY, because: "no directory" };
  }
  if (owner.uid === 0) {
    return { user: NOBODY, because: "directory is root's" };
  }
  return { user: owner, because: "owns directory" };
}

/** A directory that root owns has one of two causes; each has its own remedy. */
const ADVICE_FOR_DIRECTORY_OF_ROOT =
  "If chronyd runs as root, ask it over UDP: CHRONY_ADDRESS=udp://127.0.0.1:323, in a cluster with the component udp-host-network. If chronyd runs as another user, something else created the directory and chronyd has turned its socket off: remove the directory and restart chronyd.";

/** One sentence for a person: the user now, why, and the consequence. */
export function describeRunAs({ user, because }: RunAs, directory = ""): string {
  const became = `Started as root, became ${userText(user)} (uid:gid)`;
  switch (because) {
    case "no Unix socket":
      return `${became}, because UDP needs no particular user.`;
    case "no directory":
      return `${became}, because ${directory} does not exist: chronyd is not running, or its directory is not mounted.`;
    case "directory is root's":
      return `${became}, because ${directory} is owned by root, and the agent never stays root. ${ADVICE_FOR_DIRECTORY_OF_ROOT}`;
    case "owns directory":
      return `${became}, the owner of ${directory}.`;
  }
}

/** One sentence for a person: what went wrong, and what to do. */
export function describePrivilegeError(error: PrivilegeError): string {
  const user = userText(error.user);
  switch (error.kind) {
    case "not permitted":
      return `Started as root, but not permitted to become ${user} (uid:gid): ${error.detail}. Give the container the capabilities SETUID and SETGID, or start it as that user (runAsUser, runAsGroup).`;
    case "user namespace":
      return `Root of a user namespace, but not permitted to become ${user} (uid:gid): ${error.detail}. The namespace does not map that user, or forbids setgroups (/proc/self/uid_map, /proc/self/setgroups): run outside of it (hostUsers: true in a pod), or start it as the owner of chronyd's directory (runAsUser, runAsGroup).`;
    case "not for good":
      return `Became ${user} (uid:gid), but ${error.detail}: the agent does not run like this.`;
  }
}

/**
 * If this process is root, makes it the user of {@link runAsFor}. The caller must stop after an error.
 * @returns the user that it became; `undefined` when it was not root, and nothing changed
 */
export function dropPrivileges(
  directory: string | undefined,
): Result<RunAs | undefined, PrivilegeError> {
  if (process.geteuid?.() !== 0) {
    return success(undefined);
  }
  const owner = directory === undefined ? undefined : ownerOf(directory);
  const runAs = runAsFor(directory, owner);
  const became = become(runAs.user);
  return became.ok ? success(runAs) : became;
}

/**
 * Makes this process the directory's owner, if it is root's and the directory is not. So `sudo` and `kubectl exec` work
 * without naming the user, which differs from node to node. It is for a command that polls chronyd and does not listen: a
 * failure is ignored, because chronyd then does not answer, which is reported.
 */
export function becomeOwner(directory: string): void {
  const runAs = runAsFor(directory, ownerOf(directory));
  if (process.geteuid?.() === 0 && runAs.because === "owns directory") {
    become(runAs.user);
  }
}

/** Makes this root process a process of `user`, and checks that no privilege of root is left. */
function become(user: User): Result<undefined, PrivilegeError> {
  try {
    // The user last: only root may change the groups.
    process.setgroups?.([]);
    process.setgid?.(user.gid);
    process.setuid?.(user.uid);
  } catch (error) {
    const kind = isInUserNamespace() ? "user namespace" : "not permitted";
    return failure({ kind, user, detail: messageOf(error) });
  }
  const rest = leftOfRoot(ownStatus(), user);
  return rest === undefined
    ? success(undefined)
    : failure({ kind: "not for good", user, detail: rest });
}

/** Empty when the kernel does not show it; that counts as a change that is not permanent. */
function ownStatus(): string {
  try {
    return readFileSync("/proc/self/status", "utf8");
  } catch {
    return "";
  }
}

/**
 * What distinguishes a process from an ordinary one of `user`, as a clause; `undefined` when nothing
 * does. Without a capability, and without root among its three user IDs, no call makes it root again
 * (setuid(2), credentials(7)); an execve could, which the container forbids (no new privileges).
 * @param status of the process, as proc_pid_status(5) has it
 */
export function leftOfRoot(status: string, { uid, gid }: User): string | undefined {
  const field = (name: string) => new RegExp(`^${name}:[ \t]*(.*)$`, "m").exec(status)?.[1]?.trim();
  const [uids, gids, groups, capabilities] = ["Uid", "Gid", "Groups", "CapPrm"].map(field);
  if (
    uids === undefined ||
    gids === undefined ||
    groups === undefined ||
    capabilities === undefined
  ) {
    return "the kernel does not show what it may still do (/proc/self/status)";
  }
  const rest = [
    isOnly(uid, uids) ? [] : [`its real, effective and saved uid are ${idsText(uids)}`],
    isOnly(gid, gids) ? [] : [`its real, effective and saved gid are ${idsText(gids)}`],
    groups === "" ? [] : [`it still belongs to the groups ${groups}`],
    /^0+$/.test(capabilities) ? [] : [`it still has capabilities (${capabilities})`],
  ].flat();
  return rest.length === 0 ? undefined : rest.join(", and ");
}

/** The fourth ID, of the file system, follows the effective one. */
function isOnly(id: number, ids: string): boolean {
  return ids.split(/\s+/).every((each) => each === String(id));
}

function idsText(ids: string): string {
  return ids.split(/\s+/).slice(0, 3).join(", ");
}

/** Whether root here is another user outside: the first namespace maps all users to themselves. */
function isInUserNamespace(): boolean {
  try {
    const map = readFileSync("/proc/self/uid_map", "utf8").trim().split(/\s+/);
    return map.join(" ") !== "0 0 4294967295";
  } catch {
    return false;
  }
}

/** The owner of a directory; `undefined` when it does not exist or cannot be read. */
export function ownerOf(directory: string): User | undefined {
  try {
    const { uid, gid } = statSync(directory);
    return { uid, gid };
  } catch {
    return undefined;
  }
}

/** Whether this process is not the directory's owner, the only user that chronyd answers. */
export function isOwnedByAnother(directory: string): boolean {
  const owner = ownerOf(directory);
  return owner !== undefined && owner.uid !== process.geteuid?.();
}

/**
 * A possible reason why chronyd does not answer: a sentence where this process is not the directory's
 * owner.
 */
export function describeStranger(directory: string): string | undefined {
  const owner = ownerOf(directory);
  const [uid, gid] = [process.geteuid?.(), process.getegid?.()];
  if (owner === undefined || uid === undefined || gid === undefined || owner.uid === uid) {
    return undefined;
  }
  const mismatch = `This process is ${userText({ uid, gid })} (uid:gid), but ${directory} belongs to ${userText(owner)}, and chronyd answers only its owner.`;
  return owner.uid === 0 ? `${mismatch} ${ADVICE_FOR_DIRECTORY_OF_ROOT}` : mismatch;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
