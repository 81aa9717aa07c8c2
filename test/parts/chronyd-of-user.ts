import { chmod, chown, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bringChronyd } from "./bring-chronyd.ts";
import { endWith, type Owner } from "./owner.ts";
import { progressToStandardError } from "./progress.ts";
import { type RunningProcess, startProcess } from "./running-process.ts";
import { folderOf } from "./scratch-folder.ts";

/** The user of chronyd, by number, and the access to its directory. */
export type ChronydUser = {
  readonly uid: number;
  readonly gid: number;
  /** The directory's mode, for instance 0o750. */
  readonly mode: number;
};

/** A chronyd of a user that need not exist on this machine. */
export type ChronydOfUser = {
  readonly process: RunningProcess;
  /** The path of its socket. */
  readonly directory: string;
  /** For the agent's setting `CHRONY_ADDRESS`. */
  readonly address: string;
};

/**
 * Starts a chronyd as on a node: by root, in its own directory, to become its user. It follows its own clock (`local`),
 * and does not change the machine's. It may not answer yet. It needs root.
 *
 * @param description.folder for its files and, in `run`, its socket. Default: a new one
 * @param description.commandPort its UDP port for commands at 127.0.0.1. Default: none
 */
export async function startChronydOfUser(
  owner: Owner,
  description: {
    readonly user: ChronydUser;
    readonly folder?: string;
    readonly commandPort?: number;
  },
): Promise<ChronydOfUser> {
  const { user, folder = await folderOf(owner), commandPort = 0 } = description;
  const { chronyd } = await bringChronyd(progressToStandardError);
  const { uid, gid, mode } = user;
  const directory = join(folder, "run");
  await mkdir(directory, { recursive: true });
  await chown(directory, uid, gid);
  await chmod(directory, mode);
  // chronyd looks up its user by name.
  const [passwd, group] = [join(folder, "passwd"), join(folder, "group")];
  await writeFile(passwd, `root:x:0:0::/:\n_chrony:x:${uid}:${gid}::/:\n`);
  await writeFile(group, `root:x:0:\n_chrony:x:${gid}:\n`);
  const script = `mount --bind ${passwd} /etc/passwd && mount --bind ${group} /etc/group && exec "$@"`;
  const options = ["-x", "-d", "-u", "_chrony"];
  const configuration = [
    "local stratum 10",
    "port 0",
    `cmdport ${commandPort}`,
    `bindcmdaddress ${directory}/chronyd.sock`,
    `pidfile ${join(folder, "chronyd.pid")}`,
  ];
  const running = startProcess({
    name: `chronyd of ${uid}:${gid}`,
    command: "unshare",
    args: ["--mount", "--", "sh", "-c", script, "sh", chronyd, ...options, ...configuration],
  });
  endWith(owner, () => running.stop());
  return { process: running, directory, address: `unix://${directory}/chronyd.sock` };
}
