/** The part of `npm run test:cluster` that runs in the sandbox: starts the cluster and runs the tests. */
import { spawn } from "node:child_process";
import type { Families } from "../test/cluster/parts/addresses.ts";
import { type ClusterParts, startCluster } from "../test/cluster/parts/cluster.ts";
import { SETUP_VARIABLE, type TestSetup } from "../test/cluster/parts/test-setup.ts";
import { progressToStandardError } from "../test/parts/bring.ts";

/** The slowest tests take two minutes; one that takes this long hangs. */
const LONGEST_TEST_MS = 600_000;

/** What was downloaded outside the sandbox. */
export type ClusterTestPlan = {
  readonly folder: string;
  readonly parts: ClusterParts;
  readonly programs: TestSetup["programs"];
  readonly customResources: TestSetup["customResources"];
  readonly images: TestSetup["images"];
  readonly families: Families;
  readonly files: readonly string[];
};

async function runTests(plan: ClusterTestPlan, setup: TestSetup): Promise<number> {
  const child = spawn(
    process.execPath,
    [
      "--test",
      "--test-reporter=spec",
      `--test-timeout=${LONGEST_TEST_MS}`,
      // Because the tests share the cluster.
      "--test-concurrency=1",
      // Because a file whose preparation failed leaves processes that would keep it from ending.
      "--test-force-exit",
      ...plan.files,
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
  families: plan.families,
  progress: progressToStandardError,
});
process.exitCode = await runTests(plan, {
  cluster: cluster.access,
  kubernetes: plan.parts.kubernetes,
  programs: plan.programs,
  customResources: plan.customResources,
  images: plan.images,
});
await cluster.stop();
