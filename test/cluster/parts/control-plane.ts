import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type RunningProcess, startProcess } from "../../parts/running-process.ts";
import {
  API_PORT,
  API_SERVICE,
  CONTROL_PLANE,
  type Families,
  inUrl,
  preferredAddress,
  SERVICE_RANGE,
  usedAddresses,
} from "./addresses.ts";
import type { KubernetesPrograms } from "./bring-kubernetes.ts";
import { type CertificateAuthority, makeServiceAccountKeys } from "./certificates.ts";
import { writeKubeconfig } from "./kubeconfig.ts";
import { type Kubectl, kubectlOf } from "./kubectl.ts";

const START_MS = 120_000;

/** A control plane without nodes. */
export type ControlPlane = {
  /** The issuer of service accounts' tokens, and the address of its keys. */
  readonly issuerUrl: string;
  /** The path of the key that signs them. */
  readonly tokenSigningKeyFile: string;
  /** The address of the API server. */
  readonly apiUrl: string;
  /** The path of the administrator's kubeconfig. */
  readonly kubeconfig: string;
  readonly kubectl: Kubectl;
  readonly processes: readonly RunningProcess[];
};

/**
 * Starts etcd, the API server, the controller manager and the scheduler in the network of this process, and waits until
 * they work.
 */
export async function startControlPlane(description: {
  readonly programs: KubernetesPrograms;
  readonly etcd: string;
  readonly folder: string;
  readonly authority: CertificateAuthority;
  readonly families: Families;
}): Promise<ControlPlane> {
  const { programs, etcd, folder, authority, families } = description;
  await mkdir(folder, { recursive: true });
  const etcdUrl = "http://127.0.0.1:2379";
  const address = preferredAddress(families, CONTROL_PLANE);
  const apiUrl = `https://${inUrl(address)}:${API_PORT}`;
  // As with kubeadm, the issuer's address is the API server's.
  const issuerUrl = apiUrl;
  const serviceAccounts = await makeServiceAccountKeys(folder);
  const serving = await authority.issue({
    file: "kube-apiserver",
    commonName: "kube-apiserver",
    serves: {
      dns: ["kubernetes.default.svc"],
      ip: [CONTROL_PLANE.v4, CONTROL_PLANE.v6, API_SERVICE.v4, API_SERVICE.v6, "127.0.0.1"],
    },
  });
  const administrator = {
    file: "administrator",
    commonName: "administrator",
    organization: "system:masters",
  };
  const asAdministrator = await authority.issue(administrator);
  const kubeconfig = await writeKubeconfig(
    join(folder, "kubeconfig"),
    apiUrl,
    authority,
    administrator,
  );
  const kubectl = kubectlOf(programs.kubectl, kubeconfig);

  const store = startProcess({
    name: "etcd",
    command: etcd,
    args: [
      `--data-dir=${join(folder, "etcd")}`,
      `--listen-client-urls=${etcdUrl}`,
      `--advertise-client-urls=${etcdUrl}`,
      "--listen-peer-urls=http://127.0.0.1:2380",
    ],
  });
  const apiServer = startProcess({
    name: "kube-apiserver",
    command: programs["kube-apiserver"],
    args: [
      `--etcd-servers=${etcdUrl}`,
      `--advertise-address=${address}`,
      `--secure-port=${API_PORT}`,
      `--service-cluster-ip-range=${usedAddresses(families, SERVICE_RANGE).join(",")}`,
      `--tls-cert-file=${serving.certificate}`,
      `--tls-private-key-file=${serving.key}`,
      `--client-ca-file=${authority.certificate}`,
      `--kubelet-client-certificate=${asAdministrator.certificate}`,
      `--kubelet-client-key=${asAdministrator.key}`,
      `--service-account-issuer=${issuerUrl}`,
      `--service-account-key-file=${serviceAccounts.publicKey}`,
      `--service-account-signing-key-file=${serviceAccounts.privateKey}`,
      // The names of nodes are not in DNS.
      "--kubelet-preferred-address-types=InternalIP",
      "--authorization-mode=Node,RBAC",
      "--enable-admission-plugins=NodeRestriction",
      "--allow-privileged=true",
    ],
  });
  await apiServer.waitUntil(
    "the API server to be ready",
    async () => (await kubectl("get", "--raw", "/readyz")) === "ok",
    START_MS,
  );
  const controllerManager = startProcess({
    name: "kube-controller-manager",
    command: programs["kube-controller-manager"],
    args: [
      `--kubeconfig=${kubeconfig}`,
      "--leader-elect=false",
      "--use-service-account-credentials=true",
      `--service-account-private-key-file=${serviceAccounts.privateKey}`,
      `--root-ca-file=${authority.certificate}`,
    ],
  });
  const scheduler = startProcess({
    name: "kube-scheduler",
    command: programs["kube-scheduler"],
    args: [
      `--kubeconfig=${kubeconfig}`,
      `--authentication-kubeconfig=${kubeconfig}`,
      `--authorization-kubeconfig=${kubeconfig}`,
      "--leader-elect=false",
    ],
  });
  await controllerManager.waitUntil(
    "the default service account",
    () => kubectl.get("serviceaccount", "default"),
    START_MS,
  );
  return {
    apiUrl,
    issuerUrl,
    tokenSigningKeyFile: serviceAccounts.privateKey,
    kubeconfig,
    kubectl,
    processes: [scheduler, controllerManager, apiServer, store],
  };
}
