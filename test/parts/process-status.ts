import { readdir, readFile, readlink } from "node:fs/promises";

/** The user and the capabilities of a process (proc_pid_status(5)). */
export type ProcessStatus = {
  /** Real, effective, saved and file-system id. */
  readonly uids: readonly number[];
  readonly gids: readonly number[];
  /** The supplementary groups. */
  readonly groups: readonly number[];
  /** The sets of capabilities, one bit each, in hexadecimal digits. */
  readonly permitted: string;
  readonly effective: string;
  readonly inheritable: string;
  readonly ambient: string;
  readonly noNewPrivileges: boolean;
};

/** The status of each thread of a process. */
export async function threadStatuses(pid: number): Promise<ProcessStatus[]> {
  const folder = `/proc/${pid}/task`;
  const threads = await readdir(folder);
  return Promise.all(
    threads.map(async (thread) =>
      parseStatus(await readFile(`${folder}/${thread}/status`, "utf8")),
    ),
  );
}

function parseStatus(text: string): ProcessStatus {
  const field = (name: string) => {
    const value = new RegExp(`^${name}:[ \\t]*(.*)$`, "m").exec(text)?.[1];
    if (value === undefined) {
      throw new Error(`/proc/PID/status has no line ${name}`);
    }
    return value;
  };
  const numbers = (name: string) =>
    field(name)
      .split(/\s+/)
      .filter((word) => word !== "")
      .map(Number);
  return {
    uids: numbers("Uid"),
    gids: numbers("Gid"),
    groups: numbers("Groups"),
    permitted: field("CapPrm"),
    effective: field("CapEff"),
    inheritable: field("CapInh"),
    ambient: field("CapAmb"),
    noNewPrivileges: field("NoNewPrivs") === "1",
  };
}

/** The targets of a process' open file descriptors. */
export async function fileDescriptors(pid: number): Promise<string[]> {
  const folder = `/proc/${pid}/fd`;
  const targets = (await readdir(folder)).map((descriptor) =>
    readlink(`${folder}/${descriptor}`).catch(() => undefined),
  );
  return (await Promise.all(targets)).filter((target) => target !== undefined);
}
