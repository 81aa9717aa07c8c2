// Rules for every overlay and component as built by kubectl, without a cluster.

import assert from "node:assert/strict";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { parse, parseAllDocuments } from "yaml";
import { parseWaitOptions } from "../../src/wait/options.ts";
import { progressToStandardError } from "../parts/bring.ts";
import { type ScratchFolder, scratchFolder } from "../parts/scratch-folder.ts";
import { bringKubernetes } from "./parts/bring-kubernetes.ts";
import { copyManifests, type KubernetesObject, kustomizeBuild } from "./parts/kustomize.ts";
import { manifestVariants } from "./parts/variants.ts";

const SHIPPED = fileURLToPath(new URL("../../", import.meta.url));
const AGENT_NAMESPACE = "chrony-tracker";
const COLLECTOR_NAMESPACE = "chrony-tracker-collector";

/** Objects for other programs of the cluster, by component. */
const OUTSIDE_OF_BOTH_NAMESPACES = [
  "Namespace chrony-tracker",
  "Namespace chrony-tracker-collector",
  "ClusterIssuer chrony-tracker-self-signed",
  "ClusterIssuer chrony-tracker-authority",
  "Certificate cert-manager/chrony-tracker-authority",
];

/** Objects that others create: cert-manager, or a user. */
const MADE_BY_OTHERS = [
  "Secret chrony-tracker-collector/chrony-tracker-collector-tls",
  "Secret chrony-tracker/chrony-tracker-agent-tls",
  "Secret chrony-tracker-collector/chrony-tracker-backend",
];

type Environment = {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: { readonly secretKeyRef?: { readonly name: string } };
};

type Container = {
  readonly name: string;
  readonly image: string;
  readonly args?: readonly string[];
  readonly env: readonly Environment[];
  readonly envFrom: readonly { readonly configMapRef: { readonly name: string } }[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly resources: {
    readonly limits: Readonly<Record<string, string>>;
    readonly requests: Readonly<Record<string, string>>;
  };
  readonly securityContext: Readonly<Record<string, unknown>> & {
    readonly capabilities: { readonly drop: readonly string[]; readonly add?: readonly string[] };
  };
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
};

type Volume = {
  readonly name: string;
  readonly configMap?: { readonly name: string };
  readonly secret?: { readonly secretName: string };
  readonly hostPath?: unknown;
  readonly projected?: unknown;
};

type PodTemplate = {
  readonly metadata: {
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: {
    readonly serviceAccountName: string;
    readonly priorityClassName?: string;
    readonly tolerations?: readonly { readonly key?: string }[];
    readonly automountServiceAccountToken: boolean;
    readonly hostNetwork?: boolean;
    readonly hostPID?: boolean;
    readonly hostIPC?: boolean;
    readonly securityContext: Readonly<Record<string, unknown>>;
    readonly containers: readonly Container[];
    readonly initContainers?: readonly Container[];
    readonly volumes: readonly Volume[];
  };
};

type Workload = KubernetesObject & {
  readonly spec: {
    readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly template: PodTemplate;
  };
};

type Peer = {
  readonly ipBlock?: { readonly cidr: string };
  readonly namespaceSelector?: { readonly matchLabels: Readonly<Record<string, string>> };
  readonly podSelector?: { readonly matchLabels: Readonly<Record<string, string>> };
};

type Rule = {
  readonly from?: readonly Peer[];
  readonly to?: readonly Peer[];
  readonly ports?: readonly { readonly port: string | number; readonly protocol?: string }[];
};

type Selecting = KubernetesObject & {
  readonly spec: {
    readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> };
    readonly podSelector?: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly ingress?: readonly Rule[];
    readonly egress?: readonly Rule[];
    readonly policyTypes?: readonly string[];
    readonly ports?: readonly { readonly port: number; readonly targetPort: string }[];
    readonly podMetricsEndpoints?: readonly { readonly port: string }[];
  };
};

describe("the manifests", () => {
  let kubectl: string;
  let scratch: ScratchFolder;
  const variants: { readonly name: string; readonly objects: readonly KubernetesObject[] }[] = [];

  before(async () => {
    ({ kubectl } = await bringKubernetes(progressToStandardError));
    scratch = await scratchFolder("manifests");
    await copyManifests(scratch);
    for (const [index, { overlay, components }] of manifestVariants().entries()) {
      const folder = join(scratch.path, "k8s/variants", `${overlay}-${index}`);
      await mkdir(folder, { recursive: true });
      // JSON is YAML.
      await writeFile(
        join(folder, "kustomization.yaml"),
        JSON.stringify({
          resources: [`../../overlays/${overlay}`],
          components: components.map((component) => `../../components/${component}`),
        }),
      );
      const name = [overlay, ...components].join(" + ");
      variants.push({ name, objects: await kustomizeBuild(kubectl, folder) });
    }
  });
  after(() => scratch?.remove());

  /** Asserts for each variant, and names the one that fails. */
  function inEach(check: (objects: readonly KubernetesObject[], name: string) => void): void {
    assert.ok(variants.length > 0);
    for (const { name, objects } of variants) {
      try {
        check(objects, name);
      } catch (error) {
        throw new Error(`in ${name}: ${String(error)}`, { cause: error });
      }
    }
  }

  function inEachContainer(check: (container: Container, pod: PodTemplate) => void): void {
    inEach((objects) => {
      for (const { spec } of workloads(objects)) {
        const pod = spec.template;
        for (const container of [...(pod.spec.initContainers ?? []), ...pod.spec.containers]) {
          check(container, pod);
        }
      }
    });
  }

  test("have one DaemonSet, and a Deployment only if agents push", () => {
    inEach((objects, name) => {
      assert.deepEqual(
        workloads(objects).map(identify).toSorted(),
        [
          "DaemonSet chrony-tracker/chrony-tracker-agent",
          ...(name.startsWith("pull-only")
            ? []
            : ["Deployment chrony-tracker-collector/chrony-tracker-collector"]),
        ].toSorted(),
      );
      for (const object of objects) {
        if (![AGENT_NAMESPACE, COLLECTOR_NAMESPACE].includes(object.metadata.namespace ?? "")) {
          assert.ok(OUTSIDE_OF_BOTH_NAMESPACES.includes(identify(object)), identify(object));
        }
      }
    });
  });

  test("pin every image by an exact tag", () => {
    inEachContainer(({ image }) => assert.match(image, /:\d+\.\d+\.\d+$/));
  });

  test("harden every container", () => {
    inEachContainer(({ securityContext, resources, name }, { spec }) => {
      assert.partialDeepStrictEqual(securityContext, {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
      });
      assert.ok(securityContext["privileged"] !== true);
      assert.deepEqual(securityContext.capabilities.drop, ["ALL"]);
      const { add } = securityContext.capabilities;
      const { runAsNonRoot, runAsUser, seccompProfile } = spec.securityContext;
      if (name === "agent" && runAsNonRoot !== true) {
        assert.deepEqual(add, ["SETGID", "SETUID"]);
        // With it the token would be for that user alone: daemon-set.yaml.
        assert.equal(runAsUser, undefined);
      } else {
        assert.equal(add, undefined);
        assert.equal(runAsNonRoot, true);
        assert.ok(Number(runAsUser) > 0);
      }
      assert.equal(securityContext["runAsUser"], undefined);
      assert.deepEqual(seccompProfile, { type: "RuntimeDefault" });
      for (const amounts of [resources.requests, resources.limits]) {
        assert.deepEqual(Object.keys(amounts).toSorted(), ["cpu", "memory"]);
      }
    });
  });

  test("give pods only what they need of the node", () => {
    inEach((objects, name) => {
      for (const { spec } of workloads(objects)) {
        const pod = spec.template.spec;
        const byUdp = name.includes("udp-host-network") && pod.serviceAccountName.endsWith("agent");
        assert.equal(pod.automountServiceAccountToken, false);
        assert.equal(pod.hostPID, undefined);
        assert.equal(pod.hostIPC, undefined);
        assert.equal(pod.hostNetwork ?? false, byUdp);
        const paths = pod.volumes.flatMap(({ hostPath }) => hostPath ?? []);
        const isAgent = pod.serviceAccountName.endsWith("agent");
        const directory = { path: "/run/chrony", type: "Directory" };
        assert.deepEqual(paths, isAgent && !byUdp ? [directory] : []);
      }
    });
  });

  test("mount every volume they declare, and declare every one they mount", () => {
    inEachContainer(({ volumeMounts }, { spec }) => {
      assert.deepEqual(sortedNames(volumeMounts), sortedNames(spec.volumes));
    });
  });

  test("refer only to existing objects", () => {
    inEach((objects) => {
      const known = new Set([...objects.map(identify), ...MADE_BY_OTHERS]);
      for (const { metadata, spec } of workloads(objects)) {
        const pod = spec.template.spec;
        const namespace = metadata.namespace ?? "";
        const references = [
          `ServiceAccount ${namespace}/${pod.serviceAccountName}`,
          ...pod.volumes.flatMap(({ configMap, secret }) => [
            ...(configMap === undefined ? [] : [`ConfigMap ${namespace}/${configMap.name}`]),
            ...(secret === undefined ? [] : [`Secret ${namespace}/${secret.secretName}`]),
          ]),
          ...pod.containers.flatMap(({ env, envFrom }) => [
            ...envFrom.map(({ configMapRef }) => `ConfigMap ${namespace}/${configMapRef.name}`),
            ...env.flatMap(({ valueFrom }) =>
              valueFrom?.secretKeyRef === undefined
                ? []
                : [`Secret ${namespace}/${valueFrom.secretKeyRef.name}`],
            ),
          ]),
        ];
        for (const reference of references) {
          assert.ok(known.has(reference), reference);
        }
      }
    });
  });

  test("select the intended pods, and name their ports", () => {
    inEach((objects) => {
      const pods = workloads(objects).map(({ metadata, spec }) => ({
        namespace: metadata.namespace,
        labels: spec.template.metadata.labels,
        ports: new Set(
          spec.template.spec.containers.flatMap(({ ports }) =>
            ports.flatMap((p) => [p.name, String(p.containerPort)]),
          ),
        ),
      }));
      const selected = (
        namespace: string | undefined,
        wanted: Readonly<Record<string, string>> | undefined,
      ) => {
        assert.ok(wanted !== undefined && Object.keys(wanted).length > 0);
        const found = pods.filter(
          (pod) =>
            pod.namespace === namespace &&
            Object.entries(wanted).every(([label, value]) => pod.labels[label] === value),
        );
        assert.equal(found.length, 1, `${namespace} ${JSON.stringify(wanted)}`);
        return found;
      };
      for (const { kind, metadata, spec } of selecting(objects)) {
        const wanted =
          kind === "Service"
            ? (spec.selector as Readonly<Record<string, string>>)
            : (spec.podSelector ?? spec.selector)?.matchLabels;
        const own = selected(metadata.namespace, wanted);
        const ports = [
          ...(spec.ports ?? []).map(({ targetPort }) => ({ pod: own[0], port: targetPort })),
          ...(spec.podMetricsEndpoints ?? []).map(({ port }) => ({ pod: own[0], port })),
          ...(spec.ingress ?? []).flatMap(({ ports: rulePorts = [] }) =>
            rulePorts.map(({ port }) => ({ pod: own[0], port })),
          ),
        ];
        const peers = [...(spec.ingress ?? []), ...(spec.egress ?? [])].flatMap(
          ({ from = [], to = [], ports: rulePorts = [] }) =>
            [...from, ...to].map((peer) => ({ peer, isTo: to.length > 0, rulePorts })),
        );
        for (const { peer, isTo, rulePorts } of peers) {
          if (peer.ipBlock !== undefined) {
            continue; // No pod is meant.
          }
          const namespace = peer.namespaceSelector?.matchLabels["kubernetes.io/metadata.name"];
          if (
            namespace === COLLECTOR_NAMESPACE &&
            !pods.some((pod) => pod.namespace === namespace)
          ) {
            continue; // pull-only: the way to a collector that may come.
          }
          const [pod] = selected(namespace, peer.podSelector?.matchLabels);
          ports.push(...(isTo ? rulePorts.map(({ port }) => ({ pod, port })) : []));
        }
        for (const { pod, port } of ports) {
          assert.ok(pod?.ports.has(String(port)), `${kind} ${metadata.name}: ${port}`);
        }
      }
    });
  });

  test("name the ports of network policies by number, because Cilium drops rules with some names", () => {
    inEach((objects) => {
      for (const { kind, metadata, spec } of selecting(objects)) {
        if (kind === "NetworkPolicy") {
          const rules = [...(spec.ingress ?? []), ...(spec.egress ?? [])];
          for (const { port } of rules.flatMap(({ ports = [] }) => ports)) {
            assert.equal(typeof port, "number", `${metadata.name}: ${port}`);
          }
        }
      }
    });
  });

  test("keep AKS' proxy variables out of every pod", () => {
    inEachContainer((_, { metadata }) =>
      assert.equal(metadata.annotations?.["kubernetes.azure.com/no-http-proxy-vars"], "true"),
    );
  });

  test("give agents and collector a priority above every workload", () => {
    inEach((objects) => {
      for (const { kind, spec } of workloads(objects)) {
        assert.equal(
          spec.template.spec.priorityClassName,
          kind === "DaemonSet" ? "system-node-critical" : "system-cluster-critical",
        );
      }
    });
  });

  test("have no toleration on AKS Automatic that its admission policies reject", () => {
    inEach((objects, name) => {
      for (const { kind, spec } of workloads(objects)) {
        const { tolerations = [] } = spec.template.spec;
        const rejected = tolerations.filter(
          ({ key }) => key === undefined || key === "CriticalAddonsOnly",
        );
        assert.equal(rejected.length, name.includes("aks-automatic") ? 0 : 1, kind);
      }
    });
  });

  test("allow only agents, and with the host's network the nodes, to connect to the collector's port for pushes", () => {
    const ports = [{ port: 4318, protocol: "TCP" }];
    const fromAgents = {
      from: [
        {
          namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": AGENT_NAMESPACE } },
          podSelector: { matchLabels: { "app.kubernetes.io/name": "chrony-tracker-agent" } },
        },
      ],
      ports,
    };
    const fromNodes = { from: [{ ipBlock: { cidr: "10.224.0.0/16" } }], ports };
    inEach((objects, name) => {
      const policies = selecting(objects).filter(
        ({ kind, metadata }) =>
          kind === "NetworkPolicy" && metadata.namespace === COLLECTOR_NAMESPACE,
      );
      assert.deepEqual(
        policies.flatMap(({ spec }) => spec.ingress ?? []),
        name.startsWith("pull-only")
          ? []
          : [fromAgents, ...(name.includes("collector-from-nodes") ? [fromNodes] : [])],
      );
      for (const { spec } of policies) {
        assert.deepEqual(spec.podSelector?.matchLabels, {
          "app.kubernetes.io/name": "chrony-tracker-collector",
        });
      }
      // Because a missing rule would allow everybody.
      const types = policies.flatMap(({ spec }) => spec.policyTypes ?? []);
      assert.equal(types.includes("Ingress"), policies.length > 0);
    });
  });

  test("allow the nodes to connect to the collector with Cilium by its own entities, at the same port of the same pods", async () => {
    const file = join(SHIPPED, "k8s/examples/collector-from-nodes-cilium.yaml");
    const { metadata, spec } = parse(await readFile(file, "utf8"));
    assert.equal(metadata.namespace, COLLECTOR_NAMESPACE);
    assert.deepEqual(spec, {
      endpointSelector: { matchLabels: { "app.kubernetes.io/name": "chrony-tracker-collector" } },
      ingress: [
        {
          fromEntities: ["host", "remote-node"],
          toPorts: [{ ports: [{ port: "4318", protocol: "TCP" }] }],
        },
      ],
    });
  });

  test("connect a pod to its own node's agent only, with node-local-service only", () => {
    inEach((objects, name) => {
      const services = selecting(objects).filter(
        ({ kind, metadata }) => kind === "Service" && metadata.namespace === AGENT_NAMESPACE,
      );
      assert.deepEqual(
        services.map(({ metadata, spec }) => ({ name: metadata.name, spec })),
        name.includes("node-local-service")
          ? [
              {
                name: "chrony-tracker-agent",
                spec: {
                  internalTrafficPolicy: "Local",
                  ipFamilyPolicy: "PreferDualStack",
                  ports: [{ name: "metrics", port: 9464, targetPort: "metrics" }],
                  selector: { "app.kubernetes.io/name": "chrony-tracker-agent" },
                },
              },
            ]
          : [],
      );
      // Requests come from pods of any namespace.
      const ingress = selecting(objects)
        .filter(
          ({ kind, metadata }) =>
            kind === "NetworkPolicy" && metadata.namespace === AGENT_NAMESPACE,
        )
        .flatMap(({ spec }) => spec.ingress ?? []);
      // Policies do not apply to agents in the host's network.
      assert.deepEqual(
        ingress,
        name.includes("udp-host-network") ? [] : [{ ports: [{ port: 9464, protocol: "TCP" }] }],
      );
    });
  });

  test("have an example of a pod that waits for its node's clock, which agrees with wait, Service and agents", async () => {
    const text = await readFile(join(SHIPPED, "k8s/examples/wait-for-clock.yaml"), "utf8");
    const [database, policy] = parseAllDocuments(text).map((document) => document.toJS());
    const [waiting] = (database as Workload).spec.template.spec.initContainers ?? [];
    const [command, ...args] = waiting?.args ?? [];
    const options = parseWaitOptions(args);
    assert.equal(command, "wait");
    assert.ok(options.ok && options.value !== "help", JSON.stringify(options));
    const { hostname, port } = new URL(options.value.agentUrl ?? "");
    inEach((objects, name) => {
      const agents = workloads(objects).filter(({ kind }) => kind === "DaemonSet");
      const [{ spec } = assert.fail("there is no DaemonSet")] = agents;
      const labels = spec.template.metadata.labels;
      const [way] = (policy as Selecting).spec.egress ?? [];
      assert.equal(
        way?.to?.[0]?.namespaceSelector?.matchLabels["kubernetes.io/metadata.name"],
        AGENT_NAMESPACE,
      );
      assert.partialDeepStrictEqual(labels, way?.to?.[0]?.podSelector?.matchLabels);
      assert.deepEqual(way?.ports, [{ port: 9464, protocol: "TCP" }]);
      for (const service of name.includes("node-local-service") ? selecting(objects) : []) {
        if (service.kind === "Service" && service.metadata.namespace === AGENT_NAMESPACE) {
          assert.equal(hostname, `${service.metadata.name}.${AGENT_NAMESPACE}`);
          assert.deepEqual(
            service.spec.ports?.map((served) => String(served.port)),
            [port],
          );
        }
      }
    });
    assert.equal(waiting?.image, "chrony-tracker:0.1.0");
    assert.equal(waiting?.securityContext["readOnlyRootFilesystem"], true);
  });

  test("offer only the collector's port for pushes to the cluster", () => {
    inEach((objects) => {
      for (const { kind, metadata, spec } of selecting(objects)) {
        if (kind === "Service" && metadata.namespace === COLLECTOR_NAMESPACE) {
          assert.deepEqual(spec.ports, [
            { name: "otlp-http", port: 4318, targetPort: "otlp-http" },
          ]);
        }
      }
    });
    inEachContainer(({ name, ports }) => {
      if (name === "collector") {
        assert.deepEqual(ports, [
          { name: "otlp-http", containerPort: 4318 },
          { name: "health", containerPort: 13133 },
        ]);
      }
    });
  });

  test("contain the collector's configuration unchanged", async () => {
    const files = (await readdir(join(SHIPPED, "otel-collector"))).filter(
      (file) => file.endsWith(".yaml") && !["builder.yaml", "kustomization.yaml"].includes(file),
    );
    const expected = Object.fromEntries(
      await Promise.all(
        files.map(async (file) => [
          file,
          await readFile(join(SHIPPED, "otel-collector", file), "utf8"),
        ]),
      ),
    );
    inEach((objects, name) => {
      const [configuration] = objects.filter(({ metadata }) =>
        metadata.name.startsWith("chrony-tracker-collector-configuration"),
      ) as (KubernetesObject & { readonly data: Readonly<Record<string, string>> })[];
      assert.equal(configuration === undefined, name.startsWith("pull-only"));
      if (configuration !== undefined) {
        assert.deepEqual(configuration.data, expected);
      }
    });
  });

  test("start the collector with existing files, the one with the lists of `service:` last", () => {
    inEachContainer(({ name, args = [], env }) => {
      if (name !== "collector") {
        return;
      }
      const given = new Map(env.map((variable) => [variable.name, variable.value ?? ""]));
      const configurations = args
        .filter((arg) => arg.startsWith("--config="))
        .map((arg) => arg.slice("--config=".length))
        .map((arg) => arg.replaceAll(/\$\((\w+)\)/g, (_, variable) => given.get(variable) ?? "?"));
      assert.equal(configurations[0], "/etc/otel-collector/common.yaml");
      assert.equal(configurations[1], "/etc/otel-collector/catalogue.yaml");
      assert.equal(configurations[2], "/etc/otel-collector/identity.yaml");
      assert.match(configurations.at(-1) ?? "", /\/service-(kubernetes|azure)\.yaml$/);
      assert.ok(configurations.includes(given.get("TRANSPORT") ?? "?"), "TRANSPORT is not used");
      assert.ok(!configurations.some((file) => file.includes("?")), configurations.join());
      assert.ok(args.includes("--feature-gates=exporter.prometheusremotewritexporter.RetryOn429"));
    });
  });

  test("leave the collector memory beyond what its limiter and its runtime allow the heap", () => {
    inEachContainer(({ name, env, resources }) => {
      if (name === "collector") {
        const limitIn = (wanted: string) => env.find((variable) => variable.name === wanted)?.value;
        const [limiter, runtime] = [limitIn("MEMORY_LIMIT_MIB"), limitIn("GOMEMLIMIT")];
        assert.deepEqual(
          [limiter, runtime, resources.limits["memory"]],
          ["200", "320MiB", "512Mi"],
        );
      }
    });
  });

  test("enforce the strictest level that each namespace's pods allow", () => {
    inEach((objects) => {
      for (const { kind, metadata } of objects) {
        if (kind === "Namespace") {
          const level = metadata.name === AGENT_NAMESPACE ? "privileged" : "restricted";
          for (const mode of ["enforce", "audit", "warn"]) {
            assert.equal(metadata.labels?.[`pod-security.kubernetes.io/${mode}`], level);
          }
        }
      }
    });
  });
});

/** `Kind namespace/name`. */
function identify({ kind, metadata: { namespace, name } }: KubernetesObject): string {
  return `${kind} ${namespace === undefined ? "" : `${namespace}/`}${name}`;
}

function sortedNames(list: readonly { readonly name: string }[]): string[] {
  return list.map(({ name }) => name).toSorted();
}

function workloads(objects: readonly KubernetesObject[]): readonly Workload[] {
  return objects.filter((object): object is Workload =>
    ["DaemonSet", "Deployment"].includes(object.kind),
  );
}

function selecting(objects: readonly KubernetesObject[]): readonly Selecting[] {
  const kinds = [
    "DaemonSet",
    "Deployment",
    "Service",
    "NetworkPolicy",
    "PodDisruptionBudget",
    "PodMonitor",
  ];
  return objects.filter((object): object is Selecting => kinds.includes(object.kind));
}
