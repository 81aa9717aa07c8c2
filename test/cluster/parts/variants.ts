import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

const K8S = fileURLToPath(new URL("../../../k8s/", import.meta.url));

/** Components that change the collector's Deployment. */
const OF_COLLECTOR = [
  "backend-token",
  "collector-from-nodes",
  "egress-proxy",
  "public-keys-file",
  "tls",
  "token-without-node",
];

/** Combinations of components, in addition to each alone. */
const TOGETHER = [
  ["tls", "token-without-node", "public-keys-file", "backend-token"],
  ["tls", "run-as-user", "agent-pod-monitor-azure"],
  ["udp-host-network", "collector-from-nodes", "tls"],
  ["aks-automatic", "egress-proxy", "agent-pod-monitor-azure"],
  ["node-local-service", "udp-host-network"],
];

/** An overlay with components. */
export type ManifestVariant = { readonly overlay: string; readonly components: readonly string[] };

/** Every overlay alone, with each suitable component, and with combinations. */
export function manifestVariants(): ManifestVariant[] {
  const overlays = readdirSync(`${K8S}overlays`);
  const components = readdirSync(`${K8S}components`);
  return overlays.flatMap((overlay) => {
    const pushes = !overlay.startsWith("pull-only");
    const fitting = components.filter((component) => pushes || !OF_COLLECTOR.includes(component));
    const choices = [[], ...fitting.map((component) => [component]), ...(pushes ? TOGETHER : [])];
    return choices
      .filter(
        (chosen) =>
          // It has its monitor already.
          !(overlay.startsWith("pull-only-") && chosen.some((name) => name.includes("monitor"))),
      )
      .map((chosen) => ({ overlay, components: chosen }));
  });
}
