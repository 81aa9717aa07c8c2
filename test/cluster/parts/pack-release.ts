import { cp, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { runToEnd } from "../../parts/run-to-end.ts";
import type { ScratchFolder } from "../../parts/scratch-folder.ts";
import { copyManifests } from "./kustomize.ts";

const SCRIPT = fileURLToPath(new URL("../../../tools/pack-release.sh", import.meta.url));
/** Folders that are packed and not tested. */
const OTHERS = [
  "azure/main.bicep",
  "alerts/rules",
  "grafana/dashboards",
  "docs/runbook.md",
  "examples/gitops",
];
const FILES = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE"];

/** Makes `scratch` a git repository with this checkout's manifests in one commit. */
export async function makeReleaseRepository(scratch: ScratchFolder): Promise<void> {
  await copyManifests(scratch);
  for (const file of [...OTHERS, ...FILES]) {
    await mkdir(dirname(join(scratch.path, file)), { recursive: true });
    await writeFile(join(scratch.path, file), "");
  }
  await mkdir(join(scratch.path, "tools"));
  await cp(SCRIPT, join(scratch.path, "tools/pack-release.sh"));
  const author = ["-c", "user.name=test", "-c", "user.email=test@localhost"];
  for (const args of [
    ["init", "--quiet"],
    ["add", "--all"],
    [...author, "commit", "--quiet", "--message=test"],
  ]) {
    await runToEnd({ name: "git", command: "git", args, cwd: scratch.path, timeoutMs: 60_000 });
  }
}

/** Runs `tools/pack-release.sh` in that repository, and returns the archive's path. */
export async function packRelease(description: {
  readonly scratch: ScratchFolder;
  /** The path of kustomize. */
  readonly kustomize: string;
  readonly version: string;
  readonly image: string;
  readonly collectorDigest: string;
  /** Below `scratch`. */
  readonly folder: string;
}): Promise<string> {
  const { scratch, kustomize, version, image, collectorDigest, folder } = description;
  await runToEnd({
    name: "pack-release.sh",
    command: join(scratch.path, "tools/pack-release.sh"),
    args: [version, image, folder],
    cwd: scratch.path,
    env: {
      ...process.env,
      PATH: `${dirname(kustomize)}:${process.env["PATH"]}`,
      COLLECTOR_DIGEST: collectorDigest,
    },
    timeoutMs: 120_000,
  });
  return join(scratch.path, folder, `chrony-tracker-${version}.tar.gz`);
}
