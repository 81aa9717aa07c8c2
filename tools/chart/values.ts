/** The chart's values.yaml. */
import type { Component } from "./build.ts";
import type { Images } from "./make-chart.ts";

/** The text of values.yaml, with a comment for each value. */
export function valuesOf(images: Images, components: readonly Component[]): string {
  return `# The values of the chart. values.schema.json checks them before anything is applied. To change anything
# else, use a kustomize patch (helm --post-renderer, or postRenderers of a Flux HelmRelease).

# How points reach the backend. Required:
#   azure       agents push to the collector, which writes to an Azure Monitor workspace
#   prometheus  agents push to the collector, which writes to any backend that accepts remote write
#   pull-only   no collector: a Prometheus scrapes the agents
way: ""

# Settings of the collector. Required by the ways with a collector: CLUSTER_NAME (the label \`cluster\`),
# REMOTE_WRITE_URL, TOKEN_ISSUER_URL; with azure also AZURE_CLIENT_ID and AZURE_TENANT_ID.
collector: {}

# With prometheus: your own configuration of the collector, merged over the shipped one.
backend: {}

# Settings of the agents that differ from the defaults, by the names in docs/settings.md.
agent: {}

# The images. If you use your own registry: their names there.
image: ${images.agent}
collectorImage: ${images.collector}

# Components of k8s/components: docs/kubernetes.md.
components:
${components.map(({ value, description }) => `${comment(firstSentence(description))}\n  ${value}: false\n`).join("")}
# With runAsUser: the owner of /run/chrony on all nodes (stat -c '%u %g' /run/chrony).
runAsUser:
  user: 100
  group: 101

# With collectorFromNodes: the address range of the nodes.
nodeRange: 10.224.0.0/16

# With egressProxy: the ports of the proxy.
proxyPorts: [3128, 8080]

# With publicKeysFile: the output of \`kubectl get --raw /openid/v1/jwks\` (helm --set-file publicKeys=FILE).
publicKeys: ""
`;
}

/** The first sentence of a component's comment. The others are about its files. */
export function firstSentence(description: string): string {
  const [sentence = ""] = /^[\s\S]*?[.:](?=\s|$)/.exec(description) ?? [description];
  return sentence.replace(/:$/, ".").replaceAll("\n", " ");
}

function comment(text: string): string {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > 100) {
      lines.push(`  # ${word}`);
    } else {
      lines[lines.length - 1] = `${last} ${word}`;
    }
  }
  return lines.join("\n");
}
