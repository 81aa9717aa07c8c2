/**
 * Whom a process that root started runs as. chronyd answers to a socket file that its client binds in
 * chronyd's own directory, and must be able to write to it: so the client has to be the user that owns
 * the directory, and that user differs from node to node.
 *
 * | asked over                                | becomes                 | because             |
 * |-------------------------------------------|-------------------------|---------------------|
 * | UDP                                       | `nobody`                | no Unix socket      |
 * | a directory that does not exist           | `nobody`                | no directory        |
 * | a directory that root owns                | `nobody`: never root    | directory is root's |
 * | a directory that another user owns        | that user               | owns directory      |
 *
 * It does so for good, before it opens anything. A process that root did not start stays who it is.
 */
import { readFileSync, type Stats, statSync } from "node:fs";
import { failure, type Result, success } from "./result.ts";

/** A user and a group, by their numbers: names differ between a node and a container. */
export type User = { readonly uid: number; readonly gid: number };

/** Who owns nothing: the kernel's overflow user, `nobody` by name. */
export const NOBODY: User = { uid: 65_534, gid: 65_534 };

/** Whom a process that root started becomes, and why: a row of the table. */
export type RunAs = {
  readonly user: User;
  readonly because: "no Unix socket" | "no directory" | "directory is root's" | "owns directory";
};

/** Why root was not left behind. */
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
 * @param directory of chronyd's socket; `undefined` over UDP, where any user will do
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

/** A directory of root's has one of two causes, and each its own remedy. */
const ADVICE_FOR_DIRECTORY_OF_ROOT =
  "If chronyd runs as root, ask it over UDP: CHRONY_ADDRESS=udp://127.0.0.1:323, in a cluster with the component udp-host-network. If chronyd runs as another user, something else made the directory and chronyd has turned its socket off: remove the directory and restart chronyd.";

/** One sentence for a person: who it is now, why, and what follows from it. */
export function describeRunAs({ user, because }: RunAs, directory = ""): string {
  const became = `Started as root, became ${userText(user)} (uid:gid)`;
  switch (because) {
    case "no Unix socket":
      return `${became}: over UDP no user of its own is needed.`;
    case "no directory":
      return `${became}, because ${directory} does not exist: chronyd is not running, or its directory is not mounted.`;
    case "directory is root's":
      return `${became}, because ${directory} is owned by root, and the agent never stays root. ${ADVICE_FOR_DIRECTORY_OF_ROOT}`;
    case "owns directory":
      return `${became}, who owns ${directory}.`;
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
      return `Became ${user} (uid:gid), but ${error.detail}: it will not run like that.`;
  }
}

/**
 * Makes this process, if it is root's, one of {@link runAsFor}. The caller must not go on
 * after an error.
 * @returns what it became; `undefined` when it was not root's, and nothing was changed
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
 * Makes this process the directory's owner, if it is root's and the directory is not: so `sudo` and
 * `kubectl exec` work without naming a user who differs from node to node. For a command that asks
 * once and listens nowhere: where it may not, it stays who it is, and chronyd's silence tells.
 */
export function becomeOwner(directory: string): void {
  const runAs = runAsFor(directory, ownerOf(directory));
  if (process.geteuid?.() === 0 && runAs.because === "owns directory") {
    become(runAs.user);
  }
}

/** Makes this process of root's one of `user`, and checks that nothing of root is left. */
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

/** Empty when the kernel does not show it, which counts as not for good. */
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

/** Who owns a directory; `undefined` when it is not there, or one may not look. */
export function ownerOf(directory: string): User | undefined {
  let stats: Stats | undefined;
  try {
    stats = statSync(directory, { throwIfNoEntry: false });
  } catch {
    // No leave to look at it: as good as not there.
  }
  return stats && { uid: stats.uid, gid: stats.gid };
}

/** Whether this process is another user than the directory's owner, the only one chronyd answers. */
export function isOwnedByAnother(directory: string): boolean {
  const owner = ownerOf(directory);
  return owner !== undefined && owner.uid !== process.geteuid?.();
}

/**
 * What an answer that does not come may be due to: a sentence, where this process is not the
 * directory's owner.
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
