import { createHash } from "node:crypto";
import { mkdir, readFile, symlink } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { keepInCache } from "../../parts/cache.ts";
import { findGo } from "../../parts/find-go.ts";
import type { Progress } from "../../parts/progress.ts";
import { runBuild } from "../../parts/run-build.ts";

const SOURCE = fileURLToPath(new URL("../kubernetes", import.meta.url));
const SOURCE_FILES = [
  "go.mod",
  "go.sum",
  "main.go",
  "coredns/main.go",
  "kustomize/main.go",
  "pause/main.go",
];
const VERSION = "1.34.2";

const PARTS = [
  "kube-apiserver",
  "kube-controller-manager",
  "kube-scheduler",
  "kube-proxy",
  "kubelet",
  "kubectl",
] as const;

/** Reports the version of a program. */
function stamp(key: string, value = ""): string {
  return `-X k8s.io/component-base/version.${key}=${value}`;
}

/** The absolute paths of the cluster's programs. */
export type KubernetesPrograms = Readonly<
  Record<(typeof PARTS)[number] | "coredns" | "kustomize" | "pause", string>
>;

/**
 * The programs of Kubernetes, CoreDNS, kustomize and the pause image's program. If the cache does not have them, they
 * are built from `test/cluster/kubernetes`, in about 8 minutes on two cores.
 *
 * @throws {MissingPart} when Go is missing or too old
 */
export async function bringKubernetes(progress: Progress): Promise<KubernetesPrograms> {
  const hash = createHash("sha256");
  for (const file of SOURCE_FILES) {
    hash.update(await readFile(join(SOURCE, file)));
  }
  const name = `kubernetes-${hash.digest("hex").slice(0, 12)}-${process.arch}`;
  const folder = await keepInCache(name, async (making) => {
    const go = await findGo({
      what: "Kubernetes",
      leastVersion: { major: 1, minor: 24 },
      wayOut: "Install Go 1.24 or later and put it on the path.",
    });
    progress("building Kubernetes and CoreDNS; this takes about 8 minutes on two cores, once");
    const [major, minor] = VERSION.split(".");
    await runBuild({
      name: "Kubernetes",
      command: go,
      args: [
        "build",
        "-trimpath",
        "-tags=providerless,dockerless",
        `-ldflags=-s -w ${stamp("gitVersion", `v${VERSION}`)} ${stamp("gitMajor", major)} ${stamp("gitMinor", minor)}`,
        "-o",
        `${making}/`,
        "./...",
      ],
      cwd: SOURCE,
      env: { ...process.env, CGO_ENABLED: "0" },
      progress,
    });
    await mkdir(join(making, "parts"));
    for (const part of PARTS) {
      await symlink("../kubernetes", join(making, "parts", part));
    }
  });
  const pathOfPart = (part: string) => join(folder, "parts", part);
  return {
    "kube-apiserver": pathOfPart("kube-apiserver"),
    "kube-controller-manager": pathOfPart("kube-controller-manager"),
    "kube-scheduler": pathOfPart("kube-scheduler"),
    "kube-proxy": pathOfPart("kube-proxy"),
    kubelet: pathOfPart("kubelet"),
    kubectl: pathOfPart("kubectl"),
    coredns: join(folder, "coredns"),
    kustomize: join(folder, "kustomize"),
    pause: join(folder, "pause"),
  };
}
