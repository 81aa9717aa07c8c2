// tools/pack-release.sh with the real kustomize, on the manifests as they are here. The registry is not
// asked: the collector's digest is given.

import assert from "node:assert/strict";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { progressToStandardError } from "../parts/bring.ts";
import { runToEnd } from "../parts/run-to-end.ts";
import { type ScratchFolder, scratchFolder } from "../parts/scratch-folder.ts";
import { bringKubernetes, type KubernetesPrograms } from "./parts/bring-kubernetes.ts";
import { copyManifests, kustomizeBuild } from "./parts/kustomize.ts";

const script = fileURLToPath(new URL("../../tools/pack-release.sh", import.meta.url));
const agentDigest = `sha256:${"a".repeat(64)}`;
const collectorDigest = `sha256:${"c".repeat(64)}`;
/** What else is packed, and is not looked at. */
const others = ["azure/main.bicep", "alerts/rules", "grafana/dashboards", "docs/runbook.md"];
const files = ["README.md", "SECURITY.md", "LICENSE"];

describe("a release", () => {
  let programs: KubernetesPrograms;
  let scratch: ScratchFolder;

  before(async () => {
    programs = await bringKubernetes(progressToStandardError);
    scratch = await scratchFolder("release");
    await copyManifests(scratch);
    for (const file of [...others, ...files]) {
      await mkdir(dirname(join(scratch.path, file)), { recursive: true });
      await writeFile(join(scratch.path, file), "");
    }
    await mkdir(join(scratch.path, "tools"));
    await cp(script, join(scratch.path, "tools/pack-release.sh"));
    await git("init", "--quiet");
    await git("add", "--all");
    await git(
      "-c",
      "user.name=test",
      "-c",
      "user.email=test@localhost",
      "commit",
      "--quiet",
      "--message=test",
    );
  });

  after(() => scratch.remove());

  async function git(...args: string[]): Promise<void> {
    await runToEnd({
      name: "git",
      command: "git",
      args,
      cwd: scratch.path,
      timeoutMilliseconds: 60_000,
    });
  }

  /** Packs into a folder of this name, and gives the archive's path. */
  async function pack(folder: string, collector = collectorDigest): Promise<string> {
    await runToEnd({
      name: "pack-release.sh",
      command: join(scratch.path, "tools/pack-release.sh"),
      args: ["1.2.3", `ghcr.io/example/chrony-tracker@${agentDigest}`, folder],
      cwd: scratch.path,
      env: {
        ...process.env,
        PATH: `${dirname(programs.kustomize)}:${process.env["PATH"]}`,
        COLLECTOR_DIGEST: collector,
      },
      timeoutMilliseconds: 120_000,
    });
    return join(scratch.path, folder, "chrony-tracker-1.2.3.tar.gz");
  }

  test("names both images by digest, in an overlay as kubectl builds it", async () => {
    const archive = await pack("once");
    await runToEnd({
      name: "tar",
      command: "tar",
      args: ["--extract", "--file", archive, "--directory", dirname(archive)],
      timeoutMilliseconds: 60_000,
    });
    const overlay = join(dirname(archive), "chrony-tracker-1.2.3/k8s/overlays/prometheus");
    const objects = await kustomizeBuild(programs.kubectl, overlay);
    const images = [...JSON.stringify(objects).matchAll(/"image":"([^"]*)"/g)].map(
      ([, image = ""]) => image,
    );
    assert.deepEqual(images.toSorted(), [
      `ghcr.io/example/chrony-tracker@${agentDigest}`,
      `otel/opentelemetry-collector-contrib@${collectorDigest}`,
    ]);
  });

  test("is the same bytes when it is packed again", async () => {
    const [one, other] = [await pack("first"), await pack("second")];
    assert.ok((await readFile(one)).equals(await readFile(other)));
  });

  test("fails where an image would have no digest", async () => {
    await assert.rejects(pack("broken", "latest"), /has an image without a digest, or none/);
  });
});
