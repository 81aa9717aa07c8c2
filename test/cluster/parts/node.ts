import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  CONTROL_PLANE,
  DNS_SERVICE,
  type Families,
  preferredAddress,
  usedAddresses,
} from "./addresses.ts";
import type { ContainerRuntimePrograms } from "./bring-container-runtime.ts";
import type { KubernetesPrograms } from "./bring-kubernetes.ts";
import type { CertificateAuthority } from "./certificates.ts";
import { makeCgroupRoot, removeCgroupRoot } from "./cgroup-root.ts";
import { CONTAINERD_SOCKET, startContainerd } from "./containerd.ts";
import { writeKubeconfig } from "./kubeconfig.ts";
import type { Kubectl } from "./kubectl.ts";
import { type Machine, startMachine } from "./machine.ts";

const READY_MS = 120_000;

/** What a node needs of its cluster. */
export type NodeDescription = {
  readonly name: string;
  /** From 1 to 9, unique. */
  readonly number: number;
  /** The folder with the node's files. */
  readonly folder: string;
  readonly programs: KubernetesPrograms;
  readonly containerPrograms: ContainerRuntimePrograms;
  readonly authority: CertificateAuthority;
  /** The path of the administrator's kubeconfig, for kube-proxy. */
  readonly kubeconfig: string;
  readonly kubectl: Kubectl;
  /** The address of the API server. */
  readonly apiUrl: string;
  readonly families: Families;
  /** Archives of the images for its pods, and the name of the pause image. */
  readonly imageArchives: readonly string[];
  readonly pauseImage: string;
};

/** A node: a machine with containerd, kubelet and kube-proxy. */
export type ClusterNode = {
  readonly name: string;
  readonly machine: Machine;
  /** Ends kubelet, containerd and kube-proxy. Containers run until the sandbox ends. */
  stop(): Promise<void>;
};

/** Starts a node, and waits until it is ready. */
export async function startNode(description: NodeDescription): Promise<ClusterNode> {
  const { name, number, folder, programs, containerPrograms, authority, kubeconfig, kubectl } =
    description;
  const { apiUrl, families } = description;
  const machine = await startMachine({ name, number, folder });
  const containerd = await startContainerd({
    machine,
    number,
    programs: containerPrograms,
    pauseImage: description.pauseImage,
    families,
  });
  for (const archive of description.imageArchives) {
    await containerd.importImage(archive);
  }
  const cgroupRoot = `chrony-tracker-test-${name}`;
  await makeCgroupRoot(cgroupRoot);

  const ownFolder = machine.pathOf("/opt/kubelet");
  await mkdir(ownFolder, { recursive: true });
  const resolverFile = join(ownFolder, "resolv.conf");
  await writeFile(resolverFile, `nameserver ${CONTROL_PLANE.v4}\n`);
  const configurationFile = join(ownFolder, "kubelet.json");
  await writeFile(
    configurationFile,
    JSON.stringify(
      kubeletConfiguration(cgroupRoot, authority.certificate, resolverFile, families),
      null,
      2,
    ),
  );
  const ownKubeconfig = await writeKubeconfig(join(ownFolder, "kubeconfig"), apiUrl, authority, {
    file: name,
    commonName: `system:node:${name}`,
    organization: "system:nodes",
  });
  const kubelet = machine.start({
    name: `kubelet on ${name}`,
    command: programs.kubelet,
    args: [
      `--config=${configurationFile}`,
      `--kubeconfig=${ownKubeconfig}`,
      `--hostname-override=${name}`,
      `--node-ip=${usedAddresses(families, machine.addresses).join(",")}`,
    ],
  });
  const proxy = machine.start({
    name: `kube-proxy on ${name}`,
    command: programs["kube-proxy"],
    args: [
      `--kubeconfig=${kubeconfig}`,
      "--proxy-mode=nftables",
      "--conntrack-max-per-core=0",
      `--hostname-override=${name}`,
    ],
  });
  await kubelet.waitUntil(
    `the node ${name} to be ready`,
    async () => {
      const answer = await kubectl(
        "get",
        "node",
        name,
        "-o",
        'jsonpath={.status.conditions[?(@.type=="Ready")].status}',
      );
      return answer === "True";
    },
    READY_MS,
  );
  return {
    name,
    machine,
    async stop() {
      await Promise.all([kubelet.stop(), proxy.stop()]);
      await containerd.process.stop();
      await machine.stop();
      await removeCgroupRoot(cgroupRoot);
    },
  };
}

function kubeletConfiguration(
  cgroupRoot: string,
  authorityFile: string,
  resolverFile: string,
  families: Families,
): object {
  return {
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    containerRuntimeEndpoint: `unix://${CONTAINERD_SOCKET}`,
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: authorityFile },
    },
    authorization: { mode: "Webhook" },
    cgroupDriver: "cgroupfs",
    cgroupRoot: `/${cgroupRoot}`,
    clusterDNS: [preferredAddress(families, DNS_SERVICE)],
    clusterDomain: "cluster.local",
    resolvConf: resolverFile,
    // Because the machine may have swap, version 1 of control groups, and a root that may not set
    // out-of-memory scores.
    failSwapOn: false,
    failCgroupV1: false,
    enforceNodeAllocatable: [],
    oomScoreAdj: 0,
    localStorageCapacityIsolation: false,
    makeIPTablesUtilChains: false,
    // So that a disk that is nearly full does not evict the tests' pods.
    evictionHard: {
      "memory.available": "50Mi",
      "nodefs.available": "1%",
      "imagefs.available": "1%",
    },
    imageGCHighThresholdPercent: 100,
    // So that tests see changes of mounted tokens and ConfigMaps sooner.
    syncFrequency: "5s",
  };
}
