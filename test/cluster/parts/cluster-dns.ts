import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type RunningProcess, startProcess } from "../../parts/running-process.ts";
import {
  CONTROL_PLANE,
  DNS_SERVICE,
  type Families,
  preferredAddress,
  usedAddresses,
} from "./addresses.ts";
import type { KubernetesPrograms } from "./bring-kubernetes.ts";
import type { Kubectl } from "./kubectl.ts";

const START_MS = 60_000;

/** Starts CoreDNS next to the control plane, creates its service kube-dns, and waits for both. */
export async function startClusterDns(description: {
  readonly programs: KubernetesPrograms;
  readonly folder: string;
  readonly kubeconfig: string;
  readonly kubectl: Kubectl;
  readonly families: Families;
}): Promise<RunningProcess> {
  const { programs, folder, kubeconfig, kubectl, families } = description;
  const configurationFile = join(folder, "Corefile");
  await writeFile(
    configurationFile,
    `.:53 {
  bind ${CONTROL_PLANE.v4} ${CONTROL_PLANE.v6}
  errors
  health 127.0.0.1:8080
  ready 127.0.0.1:8181
  kubernetes cluster.local in-addr.arpa ip6.arpa {
    kubeconfig ${kubeconfig} test
  }
  cache 5
}
`,
  );
  const running = startProcess({
    name: "CoreDNS",
    command: programs.coredns,
    args: ["-conf", configurationFile],
  });
  const ports = [
    { name: "dns", protocol: "UDP", port: 53 },
    { name: "dns-tcp", protocol: "TCP", port: 53 },
  ];
  const metadata = { name: "kube-dns", namespace: "kube-system" };
  const endpoints = (family: "IPv4" | "IPv6", address: string) => ({
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      ...metadata,
      name: `kube-dns-${family.toLowerCase()}`,
      labels: { "kubernetes.io/service-name": "kube-dns" },
    },
    addressType: family,
    ports,
    endpoints: [{ addresses: [address] }],
  });
  await kubectl.apply(
    JSON.stringify({
      apiVersion: "v1",
      kind: "List",
      items: [
        {
          apiVersion: "v1",
          kind: "Service",
          metadata,
          spec: {
            clusterIP: preferredAddress(families, DNS_SERVICE),
            clusterIPs: usedAddresses(families, DNS_SERVICE),
            ipFamilyPolicy: "PreferDualStack",
            ports,
          },
        },
        endpoints("IPv4", CONTROL_PLANE.v4),
        endpoints("IPv6", CONTROL_PLANE.v6),
      ],
    }),
  );
  await running.waitUntil(
    "CoreDNS to be ready",
    async () => (await fetch("http://127.0.0.1:8181/ready")).ok,
    START_MS,
  );
  return running;
}
