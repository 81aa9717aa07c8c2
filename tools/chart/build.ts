/** What kustomize builds of the manifests for each way of running and each component. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse, parseAllDocuments } from "yaml";
import type { Expressions } from "./template.ts";

/** The ways of running: folders of `k8s/overlays`. The other overlays are one of these with a component. */
export const WAYS = ["prometheus", "azure", "pull-only"] as const;
export type Way = (typeof WAYS)[number];

/** A Kubernetes object, as far as every kind has the same. */
export type KubernetesObject = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
  };
};

/** A component, as users of the chart meet it. */
export type Component = {
  /** The folder of `k8s/components`. */
  readonly folder: string;
  /** Its name among the values: `udpHostNetwork`. */
  readonly value: string;
  /** When it is used: the comment on top of its kustomization. */
  readonly description: string;
  readonly objects: readonly KubernetesObject[];
  /** Whether it can be used without a collector. */
  readonly fitsPullOnly: boolean;
};

/** What users of kustomize write into a component's files, and users of the chart into a value. */
const FILLED_IN = [
  {
    file: "components/run-as-user/daemon-set.yaml",
    text: /(?<=runAsUser: )\d+/,
    expression: "{{ .Values.runAsUser.user }}",
  },
  {
    file: "components/run-as-user/daemon-set.yaml",
    text: /(?<=runAsGroup: )\d+/,
    expression: "{{ .Values.runAsUser.group }}",
  },
  {
    file: "components/collector-from-nodes/network-policy.yaml",
    text: /(?<=cidr: )\S+/,
    expression: "{{ .Values.nodeRange | quote }}",
  },
  {
    file: "components/egress-proxy/network-policy.yaml",
    text: /(?<=ports:)\n(?: +(?:- )?(?:port|protocol): .*\n)+/,
    expression: '{{ include "chrony-tracker.tcpPorts" .Values.proxyPorts }}',
  },
  {
    file: "components/public-keys-file/public-keys.json",
    text: /^[\s\S]*$/,
    expression: "{{ .Values.publicKeys | quote }}",
  },
] as const;

/** @param folder of the manifests, which may be written to: what is filled in becomes expressions. */
export function fillInExpressions(folder: string, expressions: Expressions): void {
  writeFileSync(join(folder, "k8s/components/public-keys-file/public-keys.json"), "");
  for (const { file, text, expression } of FILLED_IN) {
    const path = join(folder, "k8s", file);
    const before = readFileSync(path, "utf8");
    if (!text.test(before)) {
      throw new Error(`${file} has nothing like ${String(text)} any more: change FILLED_IN.`);
    }
    const placeholder = expressions.add(expression);
    const isBlock = text.source.includes("ports:");
    writeFileSync(path, before.replace(text, isBlock ? ` ${placeholder}\n` : placeholder));
  }
  for (const [way, file] of [
    ["azure", "values.env"],
    ["prometheus", "collector.env"],
  ] as const) {
    const path = join(folder, "k8s/overlays", way, file);
    const lines = readFileSync(path, "utf8");
    writeFileSync(
      path,
      lines.replaceAll(
        /^(\w+)=.*$/gm,
        (_, name) => `${name}=${expressions.add(`{{ .Values.collector.${name} | quote }}`)}`,
      ),
    );
  }
}

/** A program and its first argument that build a folder: `kustomize build`, `kubectl kustomize`. */
export type BuildCommand = readonly [program: string, command: string];

/**
 * The objects of an overlay with components.
 * @throws when kustomize does not accept them, with what it says
 */
export function buildVariant(
  command: BuildCommand,
  folder: string,
  overlay: string,
  components: readonly string[],
): readonly KubernetesObject[] {
  const name = [overlay, ...components].join("-with-");
  const variant = join(folder, "k8s/variants", name);
  mkdirSync(variant, { recursive: true });
  writeFileSync(
    join(variant, "kustomization.yaml"),
    // JSON is YAML.
    JSON.stringify({
      resources: [`../../overlays/${overlay}`],
      components: components.map((component) => `../../components/${component}`),
    }),
  );
  const [program, argument] = command;
  const { status, stdout, stderr, error } = spawnSync(program, [argument, variant], {
    encoding: "utf8",
    maxBuffer: 64 * 2 ** 20,
  });
  if (status !== 0) {
    throw new Error(`${program} does not accept ${name}: ${error?.message ?? stderr}`);
  }
  return parseAllDocuments(withoutHashes(stdout)).map(
    (document): KubernetesObject => document.toJS(),
  );
}

/** Takes off the hash that kustomize adds to a ConfigMap's name. The chart has checksums instead. */
function withoutHashes(yaml: string): string {
  let text = yaml;
  for (const document of parseAllDocuments(yaml)) {
    const { kind, metadata }: KubernetesObject = document.toJS();
    const [hash] = /-[a-z0-9]{10}$/.exec(metadata.name) ?? [];
    if (kind === "ConfigMap" && hash !== undefined) {
      text = text.replaceAll(metadata.name, metadata.name.slice(0, -hash.length));
    }
  }
  return text;
}

/** Every folder of `k8s/components` but what is a way of running. */
export function readComponents(command: BuildCommand, folder: string): readonly Component[] {
  const names = readdirSync(join(folder, "k8s/components"))
    .filter((name) => name !== "pull-only")
    .toSorted();
  return names.map((name) => {
    const text = readFileSync(join(folder, "k8s/components", name, "kustomization.yaml"), "utf8");
    const { kind }: { kind?: string } = parse(text);
    if (kind !== "Component") {
      throw new Error(`k8s/components/${name} is no kustomize component.`);
    }
    return {
      folder: name,
      value: name.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase()),
      description: text
        .split("\n")
        .filter((line) => line.startsWith("#"))
        .map((line) => line.replace(/^# ?/, ""))
        .join("\n"),
      objects: buildVariant(command, folder, "prometheus", [name]),
      fitsPullOnly: fitsPullOnly(command, folder, name),
    };
  });
}

/** Not where it changes an object of the collector, or puts one beside it. */
function fitsPullOnly(command: BuildCommand, folder: string, component: string): boolean {
  try {
    const objects = buildVariant(command, folder, "pull-only", [component]);
    return objects.every(({ metadata }) => metadata.namespace !== "chrony-tracker-collector");
  } catch {
    // kustomize finds nothing to change.
    return false;
  }
}
