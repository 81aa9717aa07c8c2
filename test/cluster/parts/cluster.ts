import { join } from "node:path";
import type { Progress } from "../../parts/progress.ts";
import type { Families } from "./addresses.ts";
import type { ContainerRuntimePrograms } from "./bring-container-runtime.ts";
import type { KubernetesPrograms } from "./bring-kubernetes.ts";
import { makeCertificateAuthority } from "./certificates.ts";
import { startClusterDns } from "./cluster-dns.ts";
import { startControlPlane } from "./control-plane.ts";
import { type MachineIdentity, makeNetwork } from "./machine.ts";
import { startNode } from "./node.ts";

/** The parts of a cluster. */
export type ClusterParts = {
  readonly kubernetes: KubernetesPrograms;
  readonly containerRuntime: ContainerRuntimePrograms;
  readonly images: {
    /** The name of the image that holds pods' namespaces. */
    readonly pause: string;
    /** Archives of all images for pods. */
    readonly archives: readonly string[];
  };
};

/** How to reach a cluster from a process in its sandbox. */
export type ClusterAccess = {
  /** The issuer of service accounts' tokens. */
  readonly issuerUrl: string;
  /** The path of the key that signs them. */
  readonly tokenSigningKeyFile: string;
  /** The path of the authority's certificate. */
  readonly authorityFile: string;
  /** The path of the administrator's kubeconfig. */
  readonly kubeconfig: string;
  readonly families: Families;
  readonly nodes: readonly MachineIdentity[];
};

/** A Kubernetes cluster of real parts. */
export type Cluster = {
  readonly access: ClusterAccess;
  stop(): Promise<void>;
};

/**
 * Starts a cluster and waits until all nodes are ready. This process must be in a sandbox, because the control plane
 * uses its network.
 *
 * @param description.nodeNames at most nine
 */
export async function startCluster(description: {
  readonly parts: ClusterParts;
  readonly folder: string;
  readonly nodeNames: readonly string[];
  readonly families: Families;
  readonly progress: Progress;
}): Promise<Cluster> {
  const { parts, folder, nodeNames, families, progress } = description;
  progress("starting the control plane");
  await makeNetwork();
  const authority = await makeCertificateAuthority(folder);
  const controlPlane = await startControlPlane({
    programs: parts.kubernetes,
    etcd: parts.containerRuntime.etcd,
    folder: join(folder, "control-plane"),
    authority,
    families,
  });
  const { apiUrl, kubeconfig, kubectl, issuerUrl, tokenSigningKeyFile } = controlPlane;
  const dns = await startClusterDns({
    programs: parts.kubernetes,
    folder,
    kubeconfig,
    kubectl,
    families,
  });
  progress(`starting the nodes ${nodeNames.join(" and ")}`);
  const nodes = await Promise.all(
    nodeNames.map((name, index) =>
      startNode({
        name,
        number: index + 1,
        folder: join(folder, name),
        programs: parts.kubernetes,
        containerPrograms: parts.containerRuntime,
        authority,
        kubeconfig,
        kubectl,
        apiUrl,
        families,
        imageArchives: parts.images.archives,
        pauseImage: parts.images.pause,
      }),
    ),
  );
  return {
    access: {
      issuerUrl,
      tokenSigningKeyFile,
      authorityFile: authority.certificate,
      kubeconfig,
      families,
      nodes: nodes.map(({ machine: { name, number, folder: files, holderPid } }) => ({
        name,
        number,
        folder: files,
        holderPid,
      })),
    },
    async stop() {
      await Promise.all(nodes.map((node) => node.stop()));
      for (const process of [dns, ...controlPlane.processes]) {
        await process.stop();
      }
    },
  };
}
