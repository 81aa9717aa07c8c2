// tools/pack-release.sh with the real kustomize and the manifests of this checkout. The collector's digest is given, so
// that no registry is asked.

import assert from "node:assert/strict";
import { chmod, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { parseAllDocuments } from "yaml";
import { type FakeAnswer, fakeProgram } from "../azure/fake-az.ts";
import { readBicep } from "../azure-infrastructure/bicep.ts";
import { progressToStandardError } from "../parts/bring.ts";
import { findExecutable } from "../parts/executable.ts";
import { runToEnd } from "../parts/run-to-end.ts";
import { type ScratchFolder, scratchFolder } from "../parts/scratch-folder.ts";
import { bringKubernetes, type KubernetesPrograms } from "./parts/bring-kubernetes.ts";
import { imagesOf, type KubernetesObject, kustomizeBuild } from "./parts/kustomize.ts";
import { makeReleaseRepository, packRelease } from "./parts/pack-release.ts";

const AGENT_DIGEST = `sha256:${"a".repeat(64)}`;
const DIGEST_OF_COLLECTOR = `sha256:${"c".repeat(64)}`;
/** Azure's answers in the steps of docs/azure.md. */
const VALUES = {
  CLUSTER_NAME: "blue",
  TOKEN_ISSUER_URL: "https://westeurope.oic.prod-aks.azure.com/tenant/cluster/",
  REMOTE_WRITE_URL: `https://chrony-ab12.westeurope-1.metrics.ingest.monitor.azure.com/dataCollectionRules/dcr-${"0".repeat(32)}/streams/Microsoft-PrometheusMetrics/api/v1/write?api-version=2023-04-24`,
  AZURE_CLIENT_ID: "0d9f6c1e-8a47-4c39-b1d0-2e5f7a9b3c02",
  AZURE_TENANT_ID: "7b1c0a52-4f5e-4b7e-9a55-6f1d2c3e4a01",
};
const AZURE: readonly FakeAnswer[] = [
  { command: "login" },
  { command: "account show" },
  { command: "aks show --query id", stdout: "/clusters/blue\n" },
  { command: "aks show --query oidcIssuerProfile", stdout: "{}\n" },
  { command: "aks get-credentials --name blue" },
  { command: "aks update --enable-oidc-issuer --enable-workload-identity" },
  { command: "aks update --attach-acr contoso" },
  { command: "aks check-acr --acr contoso.azurecr.io" },
  { command: "aks list", stdout: "blue\t\n" },
  { command: "provider register --namespace Microsoft. --wait" },
  {
    command: "monitor data-collection rule association list --resource /clusters/blue",
    stdout: "/rules/insights\n/rules/prometheus\n",
  },
  { command: "monitor data-collection rule show --ids /rules/insights" },
  { command: "monitor data-collection rule show --ids /rules/prometheus", stdout: "/workspace\n" },
  { command: "monitor data-collection rule list", stdout: "/rules/ours\n" },
  { command: "acr show --name contoso --query loginServer", stdout: "contoso.azurecr.io\n" },
  { command: "acr import --name contoso" },
  { command: "group create --name chrony-tracker --location westeurope" },
  { command: "resource show --ids /workspace --query location", stdout: "westeurope\n" },
  {
    command:
      "stack group create --name chrony-tracker-blue azure/modules/alert-rules.bicep clusterName=blue workspaceResourceId=/workspace location=westeurope ruleGroups=@azure/rule-groups.json emailAddress=operators@example.com",
  },
  { command: "deployment group what-if workspaceResourceId=/workspace" },
  {
    command:
      "stack group create --name chrony-tracker-blue azure/main.bicep clusterResourceId=/clusters/blue workspaceResourceId=/workspace alertEmailAddress=operators@example.com",
  },
  { command: "stack group show --query outputs.warning.value", stdout: "\n" },
  {
    command: "stack group show --name chrony-tracker-blue --output tsv CLUSTER_NAME",
    stdout: Object.entries(VALUES)
      .map((pair) => `${pair.join("\t")}\n`)
      .join(""),
  },
  { command: "identity list", stdout: `principal\tgroup\tchrony\t${VALUES.AZURE_TENANT_ID}\n` },
  { command: "identity federated-credential list", stdout: "aks\n" },
  { command: "role assignment list", stdout: "id\n" },
];

describe("a release", () => {
  let programs: KubernetesPrograms;
  let scratch: ScratchFolder;

  before(async () => {
    programs = await bringKubernetes(progressToStandardError);
    scratch = await scratchFolder("release");
    await makeReleaseRepository(scratch);
  });

  after(() => scratch.remove());

  /** Packs into a folder of this name, and returns the archive's path. */
  function pack(folder: string, collector = DIGEST_OF_COLLECTOR): Promise<string> {
    return packRelease({
      scratch,
      kustomize: programs.kustomize,
      version: "1.2.3",
      image: `ghcr.io/example/chrony-tracker@${AGENT_DIGEST}`,
      collectorDigest: collector,
      folder,
    });
  }

  test("names both images by digest, in an overlay as kubectl builds it", async () => {
    const archive = await pack("once");
    await runToEnd({
      name: "tar",
      command: "tar",
      args: ["--extract", "--file", archive, "--directory", dirname(archive)],
      timeoutMs: 60_000,
    });
    const overlay = join(dirname(archive), "chrony-tracker-1.2.3/k8s/overlays/prometheus");
    const kustomization = await readFile(join(overlay, "kustomization.yaml"), "utf8");
    assert.doesNotMatch(kustomization, /images:|newTag/, "a checkout's image is named");
    const objects = await kustomizeBuild(programs.kubectl, overlay);
    assert.deepEqual(imagesOf(objects), [
      `ghcr.io/example/chrony-tracker@${AGENT_DIGEST}`,
      `otel/opentelemetry-collector-contrib@${DIGEST_OF_COLLECTOR}`,
    ]);
  });

  test("has the same bytes when it is packed again", async () => {
    const [one, other] = [await pack("first"), await pack("second")];
    assert.ok((await readFile(one)).equals(await readFile(other)));
  });

  for (const registry of ["", "contoso"]) {
    const from = registry === "" ? "the public registries" : "a registry of one's own";
    test(`is installed from ${from} by the steps of docs/azure.md, with only az, kubectl and tar`, async () => {
      const archive = await pack(`walk-${registry}`);
      const folder = dirname(archive);
      const built = join(folder, "built.yaml");
      const az = await systemOf(folder, built);
      const steps = (await commandsOf("Install, step by step")).replace(
        /^REGISTRY=$/m,
        `REGISTRY=${registry}`,
      );
      assert.ok(steps.includes(`REGISTRY=${registry}\n`), "the steps do not set REGISTRY");
      const output = await runToEnd({
        name: "the steps",
        command: "/bin/sh",
        args: ["-eu", "-c", steps],
        cwd: folder,
        env: { PATH: join(folder, "bin") },
        timeoutMs: 120_000,
      });
      assert.match(output, /values\.env has no fault that can be seen/);
      const objects = parseAllDocuments(await readFile(built, "utf8")).map(
        (document): KubernetesObject & { data?: Record<string, string> } => document.toJS(),
      );
      assert.deepEqual(imagesOf(objects), [
        `${registry === "" ? "ghcr.io/example" : "contoso.azurecr.io"}/chrony-tracker@${AGENT_DIGEST}`,
        `${registry === "" ? "otel" : "contoso.azurecr.io"}/opentelemetry-collector-contrib@${DIGEST_OF_COLLECTOR}`,
      ]);
      const settings = objects.find(({ metadata }) =>
        metadata.name.startsWith("chrony-tracker-collector-settings"),
      );
      assert.deepEqual(settings?.data, VALUES);
      assert.deepEqual(
        (await az.commands()).filter((command) => command.startsWith("acr import")),
        registry === ""
          ? []
          : [
              `acr import --name contoso --source ghcr.io/example/chrony-tracker@${AGENT_DIGEST} --image chrony-tracker:${"a".repeat(12)} --force`,
              `acr import --name contoso --source docker.io/otel/opentelemetry-collector-contrib@${DIGEST_OF_COLLECTOR} --image opentelemetry-collector-contrib:${"c".repeat(12)} --force`,
            ],
      );
    });
  }

  test("is installed by pull by the commands of docs/azure.md", async () => {
    const archive = await pack("pull");
    const folder = dirname(archive);
    const built = join(folder, "built.yaml");
    const az = await systemOf(folder, built);
    await runToEnd({
      name: "the commands",
      command: "/bin/sh",
      args: [
        "-eu",
        "-c",
        `tar -xzf *.tar.gz; cd chrony-tracker-1.2.3; WORKSPACE_ID=/workspace CLUSTER=blue SUPPORT=operators@example.com GROUP=chrony-tracker LOCATION=westeurope\n${await commandsOf("By pull")}`,
      ],
      cwd: folder,
      env: { PATH: join(folder, "bin") },
      timeoutMs: 120_000,
    });
    const kinds = parseAllDocuments(await readFile(built, "utf8")).map(
      (document): string => document.toJS().kind,
    );
    assert.ok(kinds.includes("PodMonitor"), kinds.join());
    const [create = ""] = (await az.commands()).filter((command) => command.startsWith("stack"));
    const template = await readBicep(
      fileURLToPath(new URL("../../azure/modules/alert-rules.bicep", import.meta.url)),
    );
    for (const { name } of template.parameters) {
      assert.match(create, new RegExp(` ${name}=.`), `${name} is not given`);
    }
  });

  test("is copied from Docker Hub, and only from there, with an account if one is given", async () => {
    const archive = await pack("account");
    const folder = dirname(archive);
    const az = await systemOf(folder, join(folder, "built.yaml"));
    const output = await runToEnd({
      name: "k8s/mirror.sh",
      command: "/bin/sh",
      args: ["-eu", "-c", "tar -xzf *.tar.gz; cd chrony-tracker-1.2.3; k8s/mirror.sh contoso"],
      cwd: folder,
      env: { PATH: join(folder, "bin"), DOCKER_HUB_USER: "me", DOCKER_HUB_TOKEN: "secret" },
      timeoutMs: 120_000,
    });
    assert.doesNotMatch(output, /secret/);
    assert.deepEqual(
      (await az.commands())
        .filter((command) => command.startsWith("acr import"))
        .map((command) => [
          /--source ([^/]+)/.exec(command)?.[1],
          /--username.*/.exec(command)?.[0],
        ]),
      [
        ["ghcr.io", undefined],
        ["docker.io", "--username me --password secret"],
      ],
    );
  });

  /**
   * Puts the programs that the steps may use into `bin`: the tools of every system, a fake az, and a kubectl that only
   * builds.
   */
  async function systemOf(folder: string, built: string) {
    const bin = join(folder, "bin");
    await mkdir(bin);
    const tools = "cut date dirname grep gzip head mv sed sh tar tr".split(" ");
    for (const tool of tools) {
      await symlink(findExecutable(tool) ?? `/bin/${tool}`, join(bin, tool));
    }
    const kubectl = `#!/bin/sh\n[ "$1 $2" != "apply -k" ] || exec ${programs.kubectl} kustomize "$3" --output ${built}\n`;
    await writeFile(join(bin, "kubectl"), kubectl);
    await chmod(join(bin, "kubectl"), 0o755);
    return fakeProgram(bin, "az", AZURE);
  }

  test("fails if an image would have no digest", async () => {
    await assert.rejects(pack("broken", "latest"), /has an image without a digest, or none/);
  });
});

/** The shell commands of a section of docs/azure.md, in order. */
async function commandsOf(title: string): Promise<string> {
  const page = await readFile(new URL("../../docs/azure.md", import.meta.url), "utf8");
  const [section = ""] = page.split(`## ${title}\n`)[1]?.split("\n## ") ?? [];
  const blocks = [...section.matchAll(/^( *)```sh\n([\s\S]*?)^\1```$/gm)];
  assert.ok(blocks.length >= 2, `${title}: ${blocks.length} blocks`);
  return blocks
    .map(([, indent = "", block = ""]) => block.replaceAll(new RegExp(`^${indent}`, "gm"), ""))
    .join("\n");
}
