/**
 * `npm run test:cluster`: brings Kubernetes' own programs and the images, starts a cluster of two
 * nodes in a sandbox, runs the tests of `test/cluster` in it and ends everything.
 * `npm run test:cluster -- FILE …` runs these files only.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bringContainerRuntime } from "../test/cluster/parts/bring-container-runtime.ts";
import { bringKubernetes } from "../test/cluster/parts/bring-kubernetes.ts";
import { programImage } from "../test/cluster/parts/program-image.ts";
import { runInSandbox } from "../test/cluster/parts/sandbox.ts";
import { bringAgentImage } from "../test/image/agent-image.ts";
import {
  bringChronyd,
  bringCollector,
  bringPrometheus,
  progressToStandardError,
} from "../test/parts/bring.ts";
import { MissingPart } from "../test/parts/missing-part.ts";
import { scratchFolder } from "../test/parts/scratch-folder.ts";
import type { ClusterTestPlan } from "./test-in-cluster.ts";

const inside = fileURLToPath(new URL("test-in-cluster.ts", import.meta.url));

async function main(): Promise<number> {
  if (process.platform !== "linux" || process.getuid?.() !== 0) {
    throw new MissingPart(
      "The cluster needs a network, mounts and control groups of its own: run this as root on Linux.",
    );
  }
  const progress = progressToStandardError;
  const { chronyd, chronyc } = await bringChronyd(progress);
  const { prometheus, promtool } = await bringPrometheus(progress);
  const collector = await bringCollector(progress);
  const containerRuntime = await bringContainerRuntime(progress);
  const kubernetes = await bringKubernetes(progress);
  const agentImage = await bringAgentImage(progress, { architecture: "amd64" });
  const images = {
    agent: agentImage.name,
    collector: "localhost/collector:test",
    pause: "localhost/pause:test",
  };
  const archives = [
    agentImage.archive,
    await programImage({
      image: images.collector,
      program: collector,
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
  const scratch = await scratchFolder("cluster");
  const folder = join(scratch.path, "cluster");
  await mkdir(folder);
  const plan: ClusterTestPlan = {
    folder,
    parts: { kubernetes, containerRuntime, images: { pause: images.pause, archives } },
    programs: { chronyd, chronyc, prometheus, promtool, collector },
    images,
    words: process.argv.slice(2),
  };
  return runInSandbox(process.execPath, [inside, JSON.stringify(plan)]);
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof MissingPart)) {
    throw error;
  }
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
