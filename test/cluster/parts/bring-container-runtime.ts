import { join } from "node:path";
import { debianPackage } from "../../parts/debian-package.ts";
import { findExecutable } from "../../parts/executable.ts";
import { MissingPart } from "../../parts/missing-part.ts";
import type { Progress } from "../../parts/progress.ts";
import { installDebianPackages } from "./debian-tools.ts";

/** The absolute paths of what runs containers, and of the store that the API server needs. */
export type ContainerRuntimePrograms = {
  /** The folder with containerd, its shim and ctr. */
  readonly containerdFolder: string;
  /** The folder with the plugins that connect pods. */
  readonly cniFolder: string;
  readonly etcd: string;
};

/**
 * containerd and etcd come unpacked from their Debian packages: installed, they would run on this
 * machine from then on. The rest is installed.
 *
 * @throws {MissingPart} when a part cannot be had.
 */
export async function bringContainerRuntime(progress: Progress): Promise<ContainerRuntimePrograms> {
  await installDebianPackages(progress, [
    "conntrack",
    "containernetworking-plugins",
    "iproute2",
    "nftables",
    "procps",
    "runc",
    "util-linux",
  ]);
  if (findExecutable("runc", ["/usr/sbin"]) === undefined) {
    throw new MissingPart("runc is installed, but it is not on the path.");
  }
  return {
    containerdFolder: join(await debianPackage("containerd", progress), "usr/bin"),
    cniFolder: "/usr/lib/cni",
    etcd: join(await debianPackage("etcd-server", progress), "usr/bin/etcd"),
  };
}
