import { existsSync } from "node:fs";
import { mkdir, readdir, rmdir } from "node:fs/promises";
import { join } from "node:path";

const MOUNT_POINT = "/sys/fs/cgroup";

/**
 * Creates a control group for a node's pods, because two kubelets on one kernel must not share one. It must be removed
 * at the end, because control groups outlive their processes.
 */
export async function makeCgroupRoot(name: string): Promise<void> {
  for (const hierarchy of await hierarchies()) {
    await mkdir(join(hierarchy, name), { recursive: true });
  }
}

/** Removes it with its subgroups. No process may be in it any more. */
export async function removeCgroupRoot(name: string): Promise<void> {
  for (const hierarchy of await hierarchies()) {
    await removeGroup(join(hierarchy, name));
  }
}

/** One folder with version 2 of control groups, one per controller with version 1. */
async function hierarchies(): Promise<string[]> {
  if (existsSync(join(MOUNT_POINT, "cgroup.controllers"))) {
    return [MOUNT_POINT];
  }
  const names = await readdir(MOUNT_POINT);
  return names
    .map((name) => join(MOUNT_POINT, name))
    .filter((path) => existsSync(join(path, "cgroup.procs")));
}

async function removeGroup(path: string): Promise<void> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    if (entry.isDirectory()) {
      await removeGroup(join(path, entry.name));
    }
  }
  // rmdir removes it although it has files, because these are the kernel's.
  await rmdir(path).catch(() => {});
}
