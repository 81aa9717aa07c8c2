import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { keepInCache } from "../../parts/cache.ts";
import { findGo } from "../../parts/find-go.ts";
import type { Progress } from "../../parts/progress.ts";
import { runToEnd } from "../../parts/run-to-end.ts";

const DOWNLOAD_MS = 5 * 60 * 1_000;

/** The definitions of the custom resources in manifests and examples. */
const DEFINITIONS = [
  {
    module: "github.com/prometheus-operator/prometheus-operator@v0.87.1",
    folder: "example/prometheus-operator-crd",
    files: ["monitoring.coreos.com_podmonitors.yaml", "monitoring.coreos.com_prometheusrules.yaml"],
  },
  {
    module: "github.com/cert-manager/cert-manager@v1.19.1",
    folder: "deploy/crds",
    files: ["cert-manager.io_certificates.yaml", "cert-manager.io_clusterissuers.yaml"],
  },
  {
    module: "github.com/fluxcd/source-controller@v1.8.0",
    folder: "config/crd/bases",
    files: ["source.toolkit.fluxcd.io_ocirepositories.yaml"],
  },
  {
    module: "github.com/fluxcd/kustomize-controller@v1.7.3",
    folder: "config/crd/bases",
    files: ["kustomize.toolkit.fluxcd.io_kustomizations.yaml"],
  },
  {
    module: "github.com/fluxcd/helm-controller@v1.6.0",
    folder: "config/crd/bases",
    files: ["helm.toolkit.fluxcd.io_helmreleases.yaml"],
  },
  {
    module: "github.com/argoproj/argo-cd/v3@v3.3.0",
    folder: "manifests/crds",
    files: ["application-crd.yaml"],
  },
] as const;

/**
 * Brings the definitions of custom resources of prometheus-operator, cert-manager, Flux and Argo CD from their Go
 * modules. Returns the paths of the files.
 *
 * @throws {MissingPart} when Go is missing
 */
export async function bringCustomResources(progress: Progress): Promise<string[]> {
  const paths: string[] = [];
  for (const { module, folder, files } of DEFINITIONS) {
    const kept = await keepInCache(join("custom-resources", module), async (making) => {
      const go = await findGo({
        what: `The module ${module}`,
        leastVersion: { major: 1, minor: 24 },
        wayOut: "Install Go 1.24 or later and put it on the path.",
      });
      progress(`downloading ${module} for the definitions of its resources`);
      const answer = await runToEnd({
        name: `downloading ${module}`,
        command: go,
        args: ["mod", "download", "-json", module],
        cwd: making,
        timeoutMs: DOWNLOAD_MS,
      });
      const { Dir: source }: { Dir: string } = JSON.parse(answer.slice(answer.indexOf("{")));
      for (const file of files) {
        await copyFile(join(source, folder, file), join(making, file));
      }
    });
    paths.push(...files.map((file) => join(kept, file)));
  }
  return paths;
}
