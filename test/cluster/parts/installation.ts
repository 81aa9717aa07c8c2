import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runToEnd } from "../../parts/run-to-end.ts";
import { scratchFolder } from "../../parts/scratch-folder.ts";
import { type Kubectl, kubectlOf } from "./kubectl.ts";
import type { TestSetup } from "./test-setup.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const COMMAND_MS = 60_000;

/** What a user fills in, and what a test adds in place of parts that this machine does not have. */
export type InstallationDescription = {
  readonly setup: TestSetup;
  /** A folder of `k8s/overlays`. */
  readonly overlay: string;
  /** The lines to fill in, by file and variable. */
  readonly values: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Folders of `k8s/components`. */
  readonly components?: readonly string[];
  /** Additional files of the overlay, such as a ConfigMap's content. */
  readonly files?: Readonly<Record<string, string>>;
  /** Patches in YAML in place of parts that the test cluster does not have. */
  readonly testPatches?: readonly string[];
};

/** An overlay that is ready to be applied. */
export type Installation = {
  /** The folder for `kubectl apply -k`. */
  readonly folder: string;
  /** The objects in YAML. */
  build(): Promise<string>;
  apply(): Promise<void>;
  /** Deletes all objects, and waits until they are gone. */
  remove(): Promise<void>;
};

/** Follows the steps of docs/prometheus.md on a copy of the shipped manifests. */
export async function prepareInstallation(
  description: InstallationDescription,
): Promise<Installation> {
  const { setup, overlay, values, components = [], files = {}, testPatches = [] } = description;
  const kubectl: Kubectl = kubectlOf(setup.kubernetes.kubectl, setup.cluster.kubeconfig);
  const scratch = await scratchFolder("manifests");
  for (const folder of ["k8s", "otel-collector"]) {
    await cp(join(ROOT, folder), join(scratch.path, folder), { recursive: true });
  }
  const folder = join(scratch.path, "k8s/overlays", overlay);
  const kustomize = (...args: string[]) =>
    runToEnd({
      name: "kustomize",
      command: setup.kubernetes.kustomize,
      args,
      cwd: folder,
      timeoutMs: COMMAND_MS,
    });

  for (const [file, lines] of Object.entries(values)) {
    await fillIn(join(folder, file), lines);
  }
  await kustomize("edit", "set", "image", `chrony-tracker=${setup.images.agent}`);
  await kustomize(
    "edit",
    "set",
    "image",
    `otel/opentelemetry-collector-contrib=${setup.images.collector}`,
  );
  for (const component of components) {
    await kustomize("edit", "add", "component", `../../components/${component}`);
  }
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(folder, name), content);
  }
  for (const [index, patch] of testPatches.entries()) {
    const name = `test-patch-${index}.yaml`;
    await writeFile(join(folder, name), patch);
    await kustomize("edit", "add", "patch", "--path", name);
  }
  return {
    folder,
    build: () => kubectl("kustomize", folder),
    async apply() {
      await kubectl("apply", "-k", folder);
    },
    async remove() {
      await kubectl("delete", "-k", folder, "--ignore-not-found", "--wait");
      scratch.remove();
    },
  };
}

/** Sets variables of an env file: in place if they exist, else at the end. */
async function fillIn(path: string, lines: Readonly<Record<string, string>>): Promise<void> {
  let text = await readFile(path, "utf8");
  for (const [name, value] of Object.entries(lines)) {
    const line = new RegExp(`^${name}=.*$`, "m");
    text = line.test(text)
      ? text.replace(line, () => `${name}=${value}`)
      : `${text}${name}=${value}\n`;
  }
  await writeFile(path, text);
}
