import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseAllDocuments } from "yaml";
import { runToEnd } from "../../parts/run-to-end.ts";
import type { ScratchFolder } from "../../parts/scratch-folder.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const BUILD_MS = 60_000;

/** The overlay `azure` is not built without them. */
export const AZURE_VALUES = [
  ["CLUSTER_NAME", "blue"],
  ["TOKEN_ISSUER_URL", "https://westeurope.oic.prod-aks.azure.com/tenant/cluster/"],
  [
    "REMOTE_WRITE_URL",
    `https://chrony-ab12.westeurope-1.metrics.ingest.monitor.azure.com/dataCollectionRules/dcr-${"0".repeat(32)}/streams/Microsoft-PrometheusMetrics/api/v1/write?api-version=2023-04-24`,
  ],
  ["AZURE_CLIENT_ID", "0d9f6c1e-8a47-4c39-b1d0-2e5f7a9b3c02"],
  ["AZURE_TENANT_ID", "7b1c0a52-4f5e-4b7e-9a55-6f1d2c3e4a01"],
] as const;

/** A Kubernetes object, as far as every kind has the same. */
export type KubernetesObject = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
};

/**
 * The objects that `kubectl apply -k` would apply. They are also left beside the folder, in a file.
 *
 * @param kubectl the path of kubectl.
 * @throws when kustomize does not accept the folder, with what it says.
 */
export async function kustomizeBuild(kubectl: string, folder: string): Promise<KubernetesObject[]> {
  const output = `${folder}.built.yaml`;
  await runToEnd({
    name: "kubectl kustomize",
    command: kubectl,
    args: ["kustomize", folder, "--output", output],
    timeoutMs: BUILD_MS,
  });
  const text = await readFile(output, "utf8");
  return parseAllDocuments(text).map((document): KubernetesObject => document.toJS());
}

/** The shipped folders that an overlay is built from, copied to `scratch`, where a test may write. */
export async function copyManifests(scratch: ScratchFolder): Promise<void> {
  for (const folder of ["k8s", "otel-collector"]) {
    await cp(join(ROOT, folder), join(scratch.path, folder), { recursive: true });
  }
  // What users are told to put there.
  const azure = join(scratch.path, "k8s/overlays/azure/values.env");
  await writeFile(azure, AZURE_VALUES.map(([name, value]) => `${name}=${value}\n`).join(""));
  const publicKeys = join(scratch.path, "k8s/components/public-keys-file/public-keys.json");
  await writeFile(publicKeys, '{"keys":[]}');
}
