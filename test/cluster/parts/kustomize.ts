import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseAllDocuments } from "yaml";
import { runToEnd } from "../../parts/run-to-end.ts";
import type { ScratchFolder } from "../../parts/scratch-folder.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const BUILD_MS = 60_000;

/** The fields that all Kubernetes objects have. */
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
 * The objects that `kubectl apply -k` would apply. They are also written to a file next to the folder.
 *
 * @param kubectl the path of kubectl
 * @throws when kustomize fails, with its error
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

/** The images of the objects, sorted. */
export function imagesOf(objects: readonly KubernetesObject[]): string[] {
  return [...JSON.stringify(objects).matchAll(/"image":"([^"]*)"/g)]
    .map(([, image = ""]) => image)
    .toSorted();
}

/** Copies the shipped folders that an overlay is built from to `scratch`, where a test may change them. */
export async function copyManifests(scratch: ScratchFolder): Promise<void> {
  for (const folder of ["k8s", "otel-collector"]) {
    await cp(join(ROOT, folder), join(scratch.path, folder), { recursive: true });
  }
  // The file that its user must create.
  const publicKeys = join(scratch.path, "k8s/components/public-keys-file/public-keys.json");
  await writeFile(publicKeys, '{"keys":[]}');
}
