/**
 * `npm run test:cluster`: brings the programs of Kubernetes and the images, starts a cluster of two nodes in a
 * sandbox, and runs the tests of `test/cluster` in it; then the same with a cluster that has only IPv6, for
 * `ipv6-only.test.ts`. `npm run test:cluster -- FILE …` runs only these files.
 */
import { globSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Families } from "../test/cluster/parts/addresses.ts";
import { bringContainerRuntime } from "../test/cluster/parts/bring-container-runtime.ts";
import { bringCustomResources } from "../test/cluster/parts/bring-custom-resources.ts";
import { bringHelm } from "../test/cluster/parts/bring-helm.ts";
import { bringKubernetes } from "../test/cluster/parts/bring-kubernetes.ts";
import { installDebianPackages } from "../test/cluster/parts/debian-tools.ts";
import { programImage } from "../test/cluster/parts/program-image.ts";
import { runInSandbox } from "../test/cluster/parts/sandbox.ts";
import { bringAgentImage } from "../test/image/agent-image.ts";
import { bringPrograms, progressToStandardError } from "../test/parts/bring.ts";
import { MissingPart } from "../test/parts/missing-part.ts";
import { scratchFolder } from "../test/parts/scratch-folder.ts";
import { reportMissingPart } from "./report-missing-part.ts";
import type { ClusterTestPlan } from "./test-in-cluster.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const INSIDE = fileURLToPath(new URL("test-in-cluster.ts", import.meta.url));

async function main(): Promise<number> {
  if (process.platform !== "linux" || process.getuid?.() !== 0) {
    throw new MissingPart(
      "The cluster needs a network, mounts and control groups of its own: run this as root on Linux.",
    );
  }
  const progress = progressToStandardError;
  const programs = await bringPrograms(progress);
  const containerRuntime = await bringContainerRuntime(progress);
  const kubernetes = await bringKubernetes(progress);
  // Before the tests, because the sandbox has no internet. They find it in the cache.
  await bringHelm(progress);
  const agentImage = await bringAgentImage(progress, { architecture: "amd64" });
  // For the same reason.
  await bringAgentImage(progress, { architecture: "arm64" });
  await installDebianPackages(progress, ["qemu-user-static"]);
  const images = {
    agent: agentImage.name,
    collector: "localhost/collector:test",
    pause: "localhost/pause:test",
  };
  const archives = [
    agentImage.archive,
    await programImage({
      image: images.collector,
      program: programs.collector,
      user: "10001:10001",
      progress,
    }),
    await programImage({
      image: images.pause,
      program: kubernetes.pause,
      user: "65534:65534",
      progress,
    }),
  ];
  const customResources = await bringCustomResources(progress);
  let worstCode = 0;
  for (const [families, files] of filesByFamilies(process.argv.slice(2))) {
    const scratch = await scratchFolder("cluster");
    const folder = join(scratch.path, "cluster");
    await mkdir(folder);
    const plan: ClusterTestPlan = {
      folder,
      families,
      parts: { kubernetes, containerRuntime, images: { pause: images.pause, archives } },
      customResources,
      programs,
      images,
      files,
    };
    const code = await runInSandbox(process.execPath, [INSIDE, JSON.stringify(plan)]);
    scratch.remove();
    worstCode = Math.max(worstCode, code);
  }
  return worstCode;
}

/** The files to run in each cluster: the given ones, or all. */
function filesByFamilies(named: readonly string[]): [Families, string[]][] {
  const files = named.length > 0 ? named : globSync("test/cluster/**/*.test.ts", { cwd: ROOT });
  const [forIpv6, forBoth] = [true, false].map((wanted) =>
    files.filter((file) => file.includes("ipv6-only") === wanted).toSorted(),
  );
  const lists: [Families, string[]][] = [
    ["IPv4 and IPv6", forBoth ?? []],
    ["IPv6", forIpv6 ?? []],
  ];
  return lists.filter(([, list]) => list.length > 0);
}

process.exitCode = await reportMissingPart(main);
