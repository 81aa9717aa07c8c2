import type { Programs } from "../../parts/bring.ts";
import type { KubernetesPrograms } from "./bring-kubernetes.ts";
import type { ClusterAccess } from "./cluster.ts";

/** The environment variable with a test's set-up. */
export const SETUP_VARIABLE = "CHRONY_TRACKER_TEST_CLUSTER";

/** What `npm run test:cluster` passes to each test file. */
export type TestSetup = {
  readonly cluster: ClusterAccess;
  readonly kubernetes: KubernetesPrograms;
  readonly programs: Programs;
  /** The files with the definitions of custom resources. */
  readonly customResources: readonly string[];
  /** The names of the images on the nodes. */
  readonly images: { readonly agent: string; readonly collector: string };
};

/** @throws when the test was not started by `npm run test:cluster` */
export function testSetup(): TestSetup {
  const text = process.env[SETUP_VARIABLE];
  if (text === undefined) {
    throw new Error(
      `${SETUP_VARIABLE} is not set: this test needs a cluster. Run npm run test:cluster -- FILE.`,
    );
  }
  const setup: TestSetup = JSON.parse(text);
  return setup;
}
