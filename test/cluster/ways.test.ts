/**
 * The other ways of running in a real cluster, each as shipped: pull only, a fixed user, UDP over the host's network,
 * TLS, an issuer that is not public, tokens without a node, IPv6. cert-manager is replaced by Secrets like its own.
 */
import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { connect } from "node:tls";
import { gauge, nodeResource, push } from "../otel-collector/otlp.ts";
import { scratchFolder } from "../parts/scratch-folder.ts";
import { waitFor } from "../parts/wait-for.ts";
import { agentPodOn, kernelStatusOf, type Pod, readyAgentOn } from "./parts/agent-pods.ts";
import { makeCertificateAuthority } from "./parts/certificates.ts";
import {
  AGENTS,
  type ClusterWithChrony,
  COLLECTOR,
  type NodeName,
  OWNERS,
  prometheusOverlay,
  rolledOut,
  startClusterWithChrony,
} from "./parts/cluster-with-agents.ts";
import { documentedScrapeConfiguration, writeTargets } from "./parts/documented-scrape.ts";
import { type Installation, prepareInstallation } from "./parts/installation.ts";

const NODES: readonly NodeName[] = ["node-a", "node-b"];

let cluster: ClusterWithChrony;
let targetsFile: string;

before(async () => {
  const scratch = await scratchFolder("targets");
  targetsFile = join(scratch.path, "targets.json");
  cluster = await startClusterWithChrony(await documentedScrapeConfiguration(targetsFile));
});

after(async () => {
  await cluster?.stop();
});

/** Applies an overlay, runs `look`, and removes it in any case. */
async function whileApplied(
  installation: Installation,
  objects: readonly string[],
  look: () => Promise<void>,
): Promise<void> {
  try {
    await installation.apply();
    await rolledOut(cluster.kubectl, ...objects);
    await look();
  } finally {
    await installation.remove();
  }
}

/** Waits for an error of every node that is made after now, by one way. */
async function freshValues(job = "chrony-tracker"): Promise<void> {
  const from = Date.now() / 1000;
  for (const node of NODES) {
    await waitFor(
      `a new value of ${node} by ${job}`,
      async () => {
        const [sample] = await cluster.backend.query(
          `timestamp(chrony_clock_error_ms{job="${job}",instance="${node}"})`,
        );
        return sample !== undefined && sample.value > from;
      },
      120_000,
    );
  }
}

test("pull only: the same series without a collector, and no token in the pods", async () => {
  const installation = await prepareInstallation({
    setup: cluster.setup,
    overlay: "pull-only",
    values: { "agent.env": { SLEEP_INTERVAL: "0.5" } },
  });
  await whileApplied(installation, [AGENTS], async () => {
    await writeTargets(cluster.kubectl, targetsFile, NODES);
    await freshValues("chrony-tracker-pull");
    const [sample] = await cluster.backend.query('chrony_clock_error_ms{instance="node-a"}');
    assert.deepEqual(sample?.labels, {
      __name__: "chrony_clock_error_ms",
      // As in the example of docs/prometheus.md.
      cluster: "my-cluster",
      instance: "node-a",
      job: "chrony-tracker-pull",
      k8s_namespace_name: "chrony-tracker",
      k8s_node_name: "node-a",
    });
    const { pid } = await kernelStatusOf(await readyAgentOn(cluster.kubectl, "node-a"));
    assert.doesNotMatch(await readFile(`/proc/${pid}/mounts`, "utf8"), /secrets/);
  });
});

test("run-as-user: never root, with a chronyd of the same owner on each node", async () => {
  const owner = OWNERS["node-a"];
  await cluster.replaceChronyd("node-b", owner);
  const installation = await prometheusOverlay(cluster, {
    components: ["run-as-user"],
    testPatches: [
      JSON.stringify({
        apiVersion: "apps/v1",
        kind: "DaemonSet",
        metadata: { name: "chrony-tracker-agent", namespace: "chrony-tracker" },
        spec: {
          template: {
            spec: { securityContext: { runAsUser: owner.uid, runAsGroup: owner.gid } },
          },
        },
      }),
    ],
  });
  await whileApplied(installation, [COLLECTOR, AGENTS], async () => {
    await freshValues();
    const { status } = await kernelStatusOf(await readyAgentOn(cluster.kubectl, "node-b"));
    assert.equal(status.get("Uid"), `${owner.uid}\t${owner.uid}\t${owner.uid}\t${owner.uid}`);
    assert.equal(status.get("CapBnd"), "0000000000000000");
  });
  await cluster.replaceChronyd("node-b", OWNERS["node-b"]);
});

test("udp-host-network: no hostPath, and nothing listens on addresses other than the node's", async () => {
  const installation = await prometheusOverlay(cluster, {
    components: ["udp-host-network", "collector-from-nodes"],
  });
  await whileApplied(installation, [COLLECTOR, AGENTS], async () => {
    await freshValues();
    const pod = await readyAgentOn(cluster.kubectl, "node-a");
    assert.equal(pod.status.podIP, cluster.machine("node-a").addresses.v4);
    const listening = await cluster.machine("node-a").run("ss", "-Hltn", "sport = :9464");
    assert.match(listening, /10\.201\.0\.11:9464/);
    assert.equal(listening.split("\n").length, 1);
  });
});

test("tls: pushes are encrypted, and a replaced authority is used without a restart", async () => {
  const installation = await prometheusOverlay(cluster, { components: ["tls"] });
  for (const name of ["chrony-tracker", "chrony-tracker-collector"]) {
    await cluster.kubectl("create", "namespace", name);
  }
  await makeTlsSecrets("first");
  // Without cert-manager its resources are unknown.
  const objects = (await installation.build()).split(/^---$/m);
  const known = objects.filter((object) => !object.includes("cert-manager.io"));
  try {
    await cluster.kubectl.apply(known.join("---\n"));
    await rolledOut(cluster.kubectl, COLLECTOR, AGENTS);
    await freshValues();
    const collectors = await collectorPods();
    const first = await Promise.all(collectors.map(servedCertificate));
    const agent = await agentPodOn(cluster.kubectl, "node-a");
    await makeTlsSecrets("second");
    await waitFor(
      "the collectors to serve their new certificates",
      async () => {
        const now = await Promise.all(collectors.map(servedCertificate));
        return now.every((certificate) => !first.includes(certificate));
      },
      180_000,
    );
    await freshValues();
    const same = await agentPodOn(cluster.kubectl, "node-a");
    assert.equal(same.metadata.uid, agent.metadata.uid);
    assert.equal(same.status.containerStatuses?.[0]?.restartCount, 0);
  } finally {
    await cluster.kubectl.try(["delete", "--wait", "-f", "-"], known.join("---\n"));
  }
});

test("public-keys-file: an issuer that cannot be reached", async () => {
  const keys = await cluster.kubectl("get", "--raw", "/openid/v1/jwks");
  const installation = await prometheusOverlay(cluster, {
    components: ["public-keys-file"],
    files: { "../../components/public-keys-file/public-keys.json": keys },
    // The cluster's authority is not trusted, so the issuer cannot be reached.
    issuerIsTrusted: false,
  });
  await whileApplied(installation, [COLLECTOR, AGENTS], () => freshValues());
});

test("token-without-node: the sender's node is used if the token has none", async () => {
  const installation = await prometheusOverlay(cluster, { components: ["token-without-node"] });
  await whileApplied(installation, [COLLECTOR, AGENTS], async () => {
    await freshValues();
    const [collector] = await collectorPods();
    const token = await cluster.kubectl(
      "create",
      "token",
      "chrony-tracker-agent",
      "--namespace=chrony-tracker",
      "--audience=chrony-tracker",
    );
    const { status } = await push(`http://${collector?.status.podIP}:4318`, {
      resource: nodeResource("node-of-an-old-cluster"),
      metrics: [gauge("chrony_up", { timeMs: Date.now(), value: 1 })],
      token: token.trim(),
    });
    assert.equal(status, 200);
    const [sample] = await cluster.backend.query('chrony_up{instance="node-of-an-old-cluster"}');
    assert.equal(sample?.labels["instance"], "node-of-an-old-cluster");
  });
});

test("IPv6: agents push to a collector that has only such an address, and are scraped by it", async () => {
  const installation = await prometheusOverlay(cluster, {
    testPatches: [
      JSON.stringify({
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: "chrony-tracker-collector", namespace: "chrony-tracker-collector" },
        spec: { ipFamilyPolicy: "SingleStack", ipFamilies: ["IPv6"] },
      }),
    ],
  });
  await whileApplied(installation, [COLLECTOR, AGENTS], async () => {
    await freshValues();
    const pod = await readyAgentOn(cluster.kubectl, "node-a");
    const address = pod.status.podIPs?.map(({ ip }) => ip).find((ip) => ip.includes(":"));
    const answer = await fetch(`http://[${address}]:9464/metrics`);
    assert.match(await answer.text(), /^chrony_clock_error_ms\{/m);
  });
});

/** The running collectors. */
async function collectorPods(): Promise<Pod[]> {
  const { items } = await cluster.kubectl.get<{ items: Pod[] }>(
    "pods",
    "--namespace=chrony-tracker-collector",
  );
  return items;
}

/** Replaces cert-manager: an authority, the collector's certificate, and the agents' Secret. */
async function makeTlsSecrets(generation: string): Promise<void> {
  const folder = join(cluster.folder, generation);
  await mkdir(folder);
  const authority = await makeCertificateAuthority(folder);
  const { certificate, key } = await authority.issue({
    file: "collector",
    commonName: "collector",
    serves: { dns: ["chrony-tracker-collector.chrony-tracker-collector.svc"], ip: [] },
  });
  await cluster.kubectl.apply(
    JSON.stringify({
      apiVersion: "v1",
      kind: "List",
      items: [
        secret("chrony-tracker-collector", "chrony-tracker-collector-tls", {
          "tls.crt": await readText(certificate),
          "tls.key": await readText(key),
        }),
        secret("chrony-tracker", "chrony-tracker-agent-tls", {
          "ca.crt": await readText(authority.certificate),
        }),
      ],
    }),
  );
}

function readText(path: string): Promise<string> {
  return readFile(path, "utf8");
}

function secret(namespace: string, name: string, stringData: Record<string, string>): object {
  return { apiVersion: "v1", kind: "Secret", metadata: { namespace, name }, stringData };
}

/** The fingerprint of a collector's certificate. */
function servedCertificate(pod: Pod): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(
      { host: pod.status.podIP ?? "", port: 4318, rejectUnauthorized: false },
      () => {
        resolve(socket.getPeerCertificate().fingerprint256);
        socket.destroy();
      },
    );
    socket.once("error", reject);
  });
}
