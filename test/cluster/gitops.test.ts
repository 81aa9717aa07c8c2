// The examples of examples/gitops with the artifacts of a release: tools/pack-release.sh and tools/pack-artifacts.sh with
// the real kustomize and Helm. Flux and Argo CD do not run here: their patches are added to the overlay's
// kustomization, as both do it. schema.test.ts tests the fields.

import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { parse, parseAllDocuments, stringify } from "yaml";
import projectPackage from "../../package.json" with { type: "json" };
import { progressToStandardError } from "../parts/bring.ts";
import { runToEnd } from "../parts/run-to-end.ts";
import { type ScratchFolder, scratchFolder } from "../parts/scratch-folder.ts";
import { bringHelm } from "./parts/bring-helm.ts";
import { bringKubernetes, type KubernetesPrograms } from "./parts/bring-kubernetes.ts";
import { type Helm, helmOf } from "./parts/helm.ts";
import {
  copyManifests,
  imagesOf,
  type KubernetesObject,
  kustomizeBuild,
} from "./parts/kustomize.ts";
import { makeReleaseRepository, packRelease } from "./parts/pack-release.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const EXAMPLES = join(ROOT, "examples/gitops");
const AGENT = `ghcr.io/example/chrony-tracker@sha256:${"a".repeat(64)}`;
const COLLECTOR_DIGEST = `sha256:${"c".repeat(64)}`;
const COLLECTOR = `otel/opentelemetry-collector-contrib@${COLLECTOR_DIGEST}`;
/** The values that every example fills in. */
const SETTINGS = {
  CLUSTER_NAME: "my-cluster",
  REMOTE_WRITE_URL: "http://prometheus.monitoring.svc:9090/api/v1/write",
  TOKEN_ISSUER_URL: "https://kubernetes.default.svc.cluster.local",
};
const CHART = "oci://ghcr.io/OWNER/chrony-tracker/charts/chrony-tracker";
const MANIFESTS = "oci://ghcr.io/OWNER/chrony-tracker/manifests";

type Fields = Readonly<Record<string, unknown>>;
type Patches = readonly Fields[];
type Source = KubernetesObject & {
  readonly spec: {
    readonly url: string;
    readonly ref: { readonly tag: string };
    readonly layerSelector?: { readonly mediaType: string };
    readonly verify: {
      readonly provider: string;
      readonly matchOIDCIdentity: readonly { readonly issuer: string; readonly subject: string }[];
    };
  };
};
type HelmRelease = KubernetesObject & {
  readonly spec: {
    readonly chartRef: { readonly kind: string; readonly name: string };
    readonly targetNamespace: string;
    readonly values: Fields;
  };
};
type FluxKustomization = KubernetesObject & {
  readonly spec: {
    readonly sourceRef: { readonly kind: string; readonly name: string };
    readonly path: string;
    readonly patches: Patches;
  };
};
type Application = KubernetesObject & {
  readonly spec: {
    readonly source: {
      readonly repoURL: string;
      readonly targetRevision: string;
      readonly path: string;
      readonly helm?: { readonly valuesObject: Fields };
      readonly kustomize?: { readonly patches: Patches };
    };
    readonly destination: { readonly namespace: string };
  };
};

async function objectsOf<Kinds>(file: string): Promise<Kinds> {
  const text = await readFile(join(EXAMPLES, file), "utf8");
  return parseAllDocuments(text).map((document): unknown => document.toJS()) as Kinds;
}

describe("the GitOps examples", () => {
  let programs: KubernetesPrograms;
  let helm: Helm;
  let scratch: ScratchFolder;
  let artifacts: string;

  before(async () => {
    programs = await bringKubernetes(progressToStandardError);
    const helmProgram = await bringHelm(progressToStandardError);
    scratch = await scratchFolder("gitops");
    helm = helmOf(helmProgram, scratch.path);
    await makeReleaseRepository(scratch);
    const archive = await packRelease({
      scratch,
      kustomize: programs.kustomize,
      version: "1.2.3",
      image: AGENT,
      collectorDigest: COLLECTOR_DIGEST,
      folder: "release",
    });
    artifacts = join(scratch.path, "artifacts");
    const path = [programs.kustomize, helmProgram, process.execPath].map((file) => dirname(file));
    await runToEnd({
      name: "pack-artifacts.sh",
      command: join(ROOT, "tools/pack-artifacts.sh"),
      args: [archive, artifacts],
      env: { ...process.env, PATH: [...path, process.env["PATH"]].join(":") },
      timeoutMs: 120_000,
    });
  });

  after(() => scratch?.remove());

  /** The settings and images of the overlay at this path of the artifact, with patches. */
  async function buildOverlay(name: string, path: string, patches: Patches): Promise<void> {
    const folder = join(scratch.path, name);
    await mkdir(folder);
    await runToEnd({
      name: "tar",
      command: "tar",
      args: ["--extract", "--file", join(artifacts, "manifests.tar.gz"), "--directory", folder],
      timeoutMs: 60_000,
    });
    const file = join(folder, path, "kustomization.yaml");
    const kustomization: Fields = parse(await readFile(file, "utf8"));
    assert.ok(!("patches" in kustomization), "patches would be replaced");
    await writeFile(file, stringify({ ...kustomization, patches }));
    const objects = await kustomizeBuild(programs.kubectl, join(folder, path));
    assert.deepEqual(imagesOf(objects), [AGENT, COLLECTOR]);
    assertSettings(objects);
  }

  /** Asserts that the chart of the release, whose schema is strict, accepts the values. */
  async function renderChart(values: Fields, namespace: string): Promise<KubernetesObject[]> {
    const { code, stdout, stderr } = await helm(
      [
        "template",
        "chrony-tracker",
        join(artifacts, "chart.tgz"),
        `--namespace=${namespace}`,
        "--values=-",
      ],
      values,
    );
    assert.equal(code, 0, stderr);
    const objects = parseAllDocuments(stdout)
      .map((document): KubernetesObject | null => document.toJS())
      .filter((object) => object !== null);
    assert.deepEqual(imagesOf(objects), [AGENT, COLLECTOR]);
    assertSettings(objects);
    return objects;
  }

  test("the chart has the version of package.json", async () => {
    const { stdout } = await helm(["show", "chart", join(artifacts, "chart.tgz")]);
    const { version, appVersion }: Fields = parse(stdout);
    assert.deepEqual([version, appVersion], [projectPackage.version, projectPackage.version]);
  });

  test("Flux verifies the chart and renders it with values that its schema accepts", async () => {
    const [namespace, source, release] =
      await objectsOf<[KubernetesObject, Source, HelmRelease]>("flux/chart.yaml");
    assertVerified(source, CHART);
    assert.equal(
      source.spec.layerSelector?.mediaType,
      "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
    );
    assert.deepEqual(release.spec.chartRef, { kind: source.kind, name: source.metadata.name });
    assert.equal(release.spec.targetNamespace, namespace.metadata.name);
    const objects = await renderChart(release.spec.values, release.spec.targetNamespace);
    const twice = objects.filter(
      ({ kind, metadata }) => kind === "Namespace" && metadata.name === namespace.metadata.name,
    );
    assert.deepEqual(twice, [], "the chart makes the example's namespace, too");
  });

  test("Flux verifies the manifests and builds an existing overlay", async () => {
    const [source, { spec }] = await objectsOf<[Source, FluxKustomization]>("flux/manifests.yaml");
    assertVerified(source, MANIFESTS);
    assert.deepEqual(spec.sourceRef, { kind: source.kind, name: source.metadata.name });
    await buildOverlay("flux", spec.path, spec.patches);
  });

  test("Argo CD renders the chart with values that its schema accepts", async () => {
    const [{ spec }] = await objectsOf<[Application]>("argo-cd/chart.yaml");
    const { repoURL, targetRevision, path, helm: parameters } = spec.source;
    assert.deepEqual([repoURL, targetRevision, path], [CHART, "1.2.3", "."]);
    await renderChart(parameters?.valuesObject ?? {}, spec.destination.namespace);
  });

  test("Argo CD builds an existing overlay", async () => {
    const [{ spec }] = await objectsOf<[Application]>("argo-cd/manifests.yaml");
    const { repoURL, targetRevision, path, kustomize } = spec.source;
    assert.deepEqual([repoURL, targetRevision], [MANIFESTS, "1.2.3"]);
    await buildOverlay("argo-cd", path, kustomize?.patches ?? []);
  });

  test("kustomize builds on an overlay of the repository", async () => {
    const text = await readFile(join(EXAMPLES, "remote-base/kustomization.yaml"), "utf8");
    const base = "https://github.com/OWNER/chrony-tracker//";
    const [, path = "", ref] =
      /^ {2}- https:\S+?chrony-tracker\/\/(\S+)\?ref=(\S+)$/m.exec(text) ?? [];
    assert.equal(ref, "v1.2.3");
    // A tag of the repository has the same files.
    const repository = { ...scratch, path: join(scratch.path, "repository") };
    await copyManifests(repository);
    const folder = join(repository.path, "example");
    await mkdir(folder);
    await writeFile(
      join(folder, "kustomization.yaml"),
      text.replace(`${base}${path}?ref=${ref}`, `../${path}`),
    );
    const objects = await kustomizeBuild(programs.kubectl, folder);
    const [agent, collector = ""] = imagesOf(objects);
    assert.equal(agent, "ghcr.io/OWNER/chrony-tracker:1.2.3");
    assert.match(collector, /^otel\/opentelemetry-collector-contrib:\d/);
    assertSettings(objects);
  });
});

/** Asserts that the source is this artifact, signed by the release workflow from the tag of its version. */
function assertVerified({ spec }: Source, url: string): void {
  assert.equal(spec.url, url);
  const workflow = "https://github.com/OWNER/chrony-tracker/.github/workflows/release.yaml";
  assert.equal(spec.verify.provider, "cosign");
  assert.equal(spec.verify.matchOIDCIdentity.length, 1);
  for (const { issuer, subject } of spec.verify.matchOIDCIdentity) {
    assert.match("https://token.actions.githubusercontent.com", new RegExp(issuer));
    assert.match(`${workflow}@refs/tags/v${spec.ref.tag}`, new RegExp(subject));
    for (const other of [
      `${workflow}@refs/heads/main`,
      `${workflow}@refs/tags/v${spec.ref.tag}0`,
      `${workflow.replace("release", "ci")}@refs/tags/v${spec.ref.tag}`,
      `https://example.com/${workflow}@refs/tags/v${spec.ref.tag}`,
    ]) {
      assert.doesNotMatch(other, new RegExp(subject));
    }
  }
}

function assertSettings(objects: readonly KubernetesObject[]): void {
  const settings = objects.find(({ metadata }) =>
    metadata.name.startsWith("chrony-tracker-collector-settings"),
  ) as (KubernetesObject & { readonly data: Readonly<Record<string, string>> }) | undefined;
  const { BACKEND, ...data } = settings?.data ?? {};
  assert.deepEqual(data, SETTINGS);
}
