import { join } from "node:path";
import { debianPackage } from "../../parts/debian-package.ts";
import { findExecutable } from "../../parts/executable.ts";
import { MissingPart } from "../../parts/missing-part.ts";
import type { Progress } from "../../parts/progress.ts";
import { installDebianPackages } from "./debian-tools.ts";

/** The absolute paths of the container runtime, and of the API server's store. */
export type ContainerRuntimePrograms = {
  /** The folder with containerd, its shim and ctr. */
  readonly containerdFolder: string;
  /** The folder with the network plugins. */
  readonly cniFolder: string;
  readonly etcd: string;
};

/**
 * containerd and etcd are unpacked from their Debian packages and not installed, because installing them would start
 * them on this machine. The rest is installed.
 *
 * @throws {MissingPart} when a part is not available
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
