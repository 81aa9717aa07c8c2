/** Builds the manifests with kustomize, for each overlay and each component. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse, parseAllDocuments } from "yaml";
import type { Expressions } from "./template.ts";

/** The values of `way`: overlays in `k8s/overlays`. The other overlays are one of these with a component. */
export const WAYS = ["prometheus", "azure", "pull-only"] as const;
export type Way = (typeof WAYS)[number];

/** The fields that all Kubernetes objects have. */
export type KubernetesObject = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
  };
};

/** A component, which is an option of the chart. */
export type Component = {
  /** The folder of `k8s/components`. */
  readonly folder: string;
  /** Its name among the values: `udpHostNetwork`. */
  readonly value: string;
  /** The comment at the top of its kustomization: what it is for. */
  readonly description: string;
  readonly objects: readonly KubernetesObject[];
  /** Whether it can be used without a collector. */
  readonly fitsPullOnly: boolean;
};

/** The parts of the manifests that users of kustomize edit. In the chart they are values. */
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

/**
 * Replaces the parts that users fill in by expressions.
 * @param folder a copy of the manifests, which is changed
 */
export function fillInExpressions(folder: string, expressions: Expressions): void {
  writeFileSync(join(folder, "k8s/components/public-keys-file/public-keys.json"), "");
  for (const { file, text, expression } of FILLED_IN) {
    const path = join(folder, "k8s", file);
    const before = readFileSync(path, "utf8");
    if (!text.test(before)) {
      throw new Error(`${file} does not match ${String(text)} any more: change FILLED_IN.`);
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

/** The command that builds a folder: `kustomize build` or `kubectl kustomize`. */
export type BuildCommand = readonly [program: string, command: string];

/**
 * The objects of an overlay with components.
 * @throws when kustomize fails, with its error
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

/** Removes the hash that kustomize adds to the name of a ConfigMap, because the chart has checksums instead. */
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

/** The components in `k8s/components`, without `pull-only`, which is an overlay's. */
export function readComponents(command: BuildCommand, folder: string): readonly Component[] {
  const names = readdirSync(join(folder, "k8s/components"))
    .filter((name) => name !== "pull-only")
    .toSorted();
  return names.map((name) => {
    const text = readFileSync(join(folder, "k8s/components", name, "kustomization.yaml"), "utf8");
    const { kind }: { kind?: string } = parse(text);
    if (kind !== "Component") {
      throw new Error(`k8s/components/${name} is not a kustomize component.`);
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

/** Whether a component neither changes nor adds an object of the collector. */
function fitsPullOnly(command: BuildCommand, folder: string, component: string): boolean {
  try {
    const objects = buildVariant(command, folder, "pull-only", [component]);
    return objects.every(({ metadata }) => metadata.namespace !== "chrony-tracker-collector");
  } catch {
    // kustomize fails because the object that the component changes does not exist.
    return false;
  }
}
