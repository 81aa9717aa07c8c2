/** The part of `npm run test:cluster` that runs in the sandbox: the cluster, and the tests in it. */
import { spawn } from "node:child_process";
import { type ClusterParts, startCluster } from "../test/cluster/parts/cluster.ts";
import { SETUP_VARIABLE, type TestSetup } from "../test/cluster/parts/test-setup.ts";
import { progressToStandardError } from "../test/parts/bring.ts";

/** A test that hangs is a failure; the slowest take two minutes. */
const LONGEST_TEST_MS = 600_000;

/** What was brought outside, where the internet is. */
export interface ClusterTestPlan {
  readonly folder: string;
  readonly parts: ClusterParts;
  readonly programs: TestSetup["programs"];
  readonly images: TestSetup["images"];
  /** The command line: files, or options of `node --test`. */
  readonly words: readonly string[];
}

async function runTests(plan: ClusterTestPlan, setup: TestSetup): Promise<number> {
  const words = [...plan.words];
  if (words.every((word) => word.startsWith("-"))) {
    words.push("test/cluster/**/*.test.ts");
  }
  const child = spawn(
    process.execPath,
    [
      "--test",
      "--test-reporter=spec",
      `--test-timeout=${LONGEST_TEST_MS}`,
      // They share the cluster.
      "--test-concurrency=1",
      ...words,
    ],
    { stdio: "inherit", env: { ...process.env, [SETUP_VARIABLE]: JSON.stringify(setup) } },
  );
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  child.once("error", reject);
  child.once("exit", (code) => resolve(code ?? 1));
  return promise;
}

const plan: ClusterTestPlan = JSON.parse(process.argv[2] ?? "");
const cluster = await startCluster({
  parts: plan.parts,
  folder: plan.folder,
  nodeNames: ["node-a", "node-b"],
  progress: progressToStandardError,
});
process.exitCode = await runTests(plan, {
  cluster: cluster.access,
  kubernetes: plan.parts.kubernetes,
  programs: plan.programs,
  images: plan.images,
});
await cluster.stop();
