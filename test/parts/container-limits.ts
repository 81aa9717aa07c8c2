/**
 * A container's limits of memory and CPU for a process of this machine, by control groups of version 1 or 2.
 */
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { endWith, type Owner } from "./owner.ts";
import { waitFor } from "./wait-for.ts";

const MOUNT_POINT = "/sys/fs/cgroup";
const PERIOD_MICROSECONDS = 100_000;

/** The limits of a container. */
export type Limits = {
  readonly memoryBytes: number;
  /** In cores. */
  readonly processors: number;
};

/** A group of processes with limits. */
export type ContainerLimits = {
  /** A command that runs another one within the limits. */
  readonly wrapper: readonly string[];
  /** Resets the peak, if the kernel can. */
  forgetPeak(): Promise<void>;
  /** The peak of its memory, in bytes: of its processes, and of the kernel for its sockets. */
  peakBytes(): Promise<number>;
  /** The number of processes that the limit killed. */
  kills(): Promise<number>;
};

/** Creates a group; `undefined` when this machine does not allow it. */
export async function containerLimits(
  owner: Owner,
  { memoryBytes, processors }: Limits,
): Promise<ContainerLimits | undefined> {
  const isVersion2 = existsSync(join(MOUNT_POINT, "cgroup.controllers"));
  const name = `chrony-tracker-${randomUUID()}`;
  const memory = join(MOUNT_POINT, isVersion2 ? "" : "memory", name);
  const cpu = join(MOUNT_POINT, isVersion2 ? "" : "cpu", name);
  const folders = [...new Set([memory, cpu])];
  const bytes = String(memoryBytes);
  const quota = String(processors * PERIOD_MICROSECONDS);
  const limits: readonly (readonly [file: string, value: string])[] = isVersion2
    ? [
        [join(memory, "memory.max"), bytes],
        [join(cpu, "cpu.max"), `${quota} ${PERIOD_MICROSECONDS}`],
      ]
    : [
        [join(memory, "memory.limit_in_bytes"), bytes],
        [join(memory, "memory.kmem.tcp.limit_in_bytes"), bytes],
        [join(cpu, "cpu.cfs_period_us"), String(PERIOD_MICROSECONDS)],
        [join(cpu, "cpu.cfs_quota_us"), quota],
      ];
  endWith(owner, async () => {
    for (const folder of folders.filter((each) => existsSync(each))) {
      // A killed process may exist for a moment.
      await waitFor(`${folder} to be empty`, async () => {
        await rmdir(folder);
        return true;
      });
    }
  });
  try {
    for (const folder of folders) {
      await mkdir(folder);
    }
    for (const [file, value] of limits) {
      await writeFile(file, value);
    }
  } catch {
    return undefined;
  }

  const peakFiles = isVersion2
    ? [join(memory, "memory.peak")]
    : ["memory.max_usage_in_bytes", "memory.kmem.tcp.max_usage_in_bytes"].map((file) =>
        join(memory, file),
      );
  const processFiles = folders.map((folder) => join(folder, "cgroup.procs"));
  return {
    wrapper: [
      "/bin/sh",
      "-c",
      `${processFiles.map((file) => `echo $$ > ${file} && `).join("")}exec "$@"`,
      "sh",
    ],
    async forgetPeak() {
      for (const file of peakFiles) {
        // Version 2 can reset it since Linux 6.12 only.
        await writeFile(file, "0").catch(() => undefined);
      }
    },
    async peakBytes() {
      const peaks = await Promise.all(peakFiles.map(async (file) => Number(await readFile(file))));
      return peaks.reduce((sum, peak) => sum + peak, 0);
    },
    async kills() {
      const file = join(memory, isVersion2 ? "memory.events" : "memory.oom_control");
      return Number(/^oom_kill (\d+)/m.exec(await readFile(file, "utf8"))?.[1] ?? 0);
    },
  };
}
