// k8s/add-component.sh, run by the machine's /bin/sh, with the shipped manifests and the real kubectl.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { progressToStandardError } from "../parts/bring.ts";
import { type ScratchFolder, scratchFolder } from "../parts/scratch-folder.ts";
import { bringKubernetes, type KubernetesPrograms } from "./parts/bring-kubernetes.ts";
import { copyManifests, kustomizeBuild } from "./parts/kustomize.ts";

describe("the script that adds components to an overlay", () => {
  let programs: KubernetesPrograms;
  const folders: ScratchFolder[] = [];

  before(async () => {
    programs = await bringKubernetes(progressToStandardError);
  });

  after(() => {
    for (const folder of folders) {
      folder.remove();
    }
  });

  /** A copy of the shipped manifests. */
  async function manifests(): Promise<string> {
    const folder = await scratchFolder("add-component");
    folders.push(folder);
    await copyManifests(folder);
    return folder.path;
  }

  /** The overlay's objects, and the DaemonSet's tolerations. */
  async function built(folder: string, overlay: string) {
    const objects = await kustomizeBuild(programs.kubectl, join(folder, "k8s/overlays", overlay));
    const names = objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`).toSorted();
    const daemonSet = objects.find(({ kind }) => kind === "DaemonSet");
    return { names, tolerates: JSON.stringify(daemonSet).includes('"tolerations"') };
  }

  for (const overlay of ["azure", "prometheus", "pull-only", "pull-only-azure"]) {
    test(`keeps everything that ${overlay} has, its other components included`, async () => {
      const folder = await manifests();
      const before = await built(folder, overlay);
      assert.ok(before.tolerates);
      for (const component of ["aks-automatic", "utc-check"]) {
        assert.deepEqual(add(folder, overlay, component), {
          status: 0,
          output: `${join(folder, "k8s/overlays", overlay, "kustomization.yaml")} has ${component} now.\n`,
        });
      }
      assert.deepEqual(await built(folder, overlay), {
        names: [...before.names, "NetworkPolicy chrony-tracker-agent-to-ntp-servers"].toSorted(),
        tolerates: false,
      });
    });
  }

  test("adds several at once, and none twice", async () => {
    const folder = await manifests();
    assert.equal(add(folder, "azure", "aks-automatic", "utc-check").status, 0);
    const once = await readFile(join(folder, "k8s/overlays/azure/kustomization.yaml"), "utf8");
    const { status, output } = add(folder, "azure", "utc-check");
    assert.equal(status, 0);
    assert.match(output, /has utc-check already/);
    assert.equal(
      await readFile(join(folder, "k8s/overlays/azure/kustomization.yaml"), "utf8"),
      once,
    );
  });

  test("continues a file that kustomize has formatted", async () => {
    const folder = await manifests();
    const file = join(folder, "k8s/overlays/pull-only-azure/kustomization.yaml");
    const text = await readFile(file, "utf8");
    await writeFile(file, text.replaceAll(/^ {2}- /gm, "- "));
    const before = await built(folder, "pull-only-azure");
    assert.equal(add(folder, "pull-only-azure", "aks-automatic").status, 0);
    assert.deepEqual(await built(folder, "pull-only-azure"), { ...before, tolerates: false });
  });

  for (const [names, status, complaint] of [
    [
      ["azure", "aks-automtic"],
      1,
      /no component aks-automtic\. The components are: .* aks-automatic /,
    ],
    [["azur", "tls"], 1, /no overlay azur\. The overlays are: azure prometheus pull-only/],
    [["azure"], 2, /Name an overlay and its components/],
  ] as const) {
    test(`says what is wrong with "${names.join(" ")}", and changes nothing`, async () => {
      const folder = await manifests();
      const file = join(folder, "k8s/overlays/azure/kustomization.yaml");
      const before = await readFile(file, "utf8");
      const answer = add(folder, ...names);
      assert.equal(answer.status, status);
      assert.match(answer.output, complaint);
      assert.equal(await readFile(file, "utf8"), before);
    });
  }
});

function add(folder: string, ...names: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(
    "/bin/sh",
    [join(folder, "k8s/add-component.sh"), ...names],
    { encoding: "utf8" },
  );
  return { status, output: stdout + stderr };
}
