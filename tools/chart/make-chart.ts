/** Makes the chart's folder: templates, values and their schema. */
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import projectPackage from "../../package.json" with { type: "json" };
import { scratchFolder } from "../../test/parts/scratch-folder.ts";
import {
  type BuildCommand,
  buildVariant,
  type Component,
  fillInExpressions,
  type KubernetesObject,
  readComponents,
  WAYS,
} from "./build.ts";
import { choose } from "./choices.ts";
import { schemaOf } from "./schema.ts";
import { Expressions, template } from "./template.ts";
import { valuesOf } from "./values.ts";

/** The overlay of the chart without any option. The other overlays and the components are options. */
const BASE = "prometheus";

/** The templates of settings, whose data come from the values. */
const AGENT_SETTINGS = "configmap-chrony-tracker-agent-settings.yaml";
const COLLECTOR_SETTINGS = "configmap-chrony-tracker-collector-settings.yaml";

/** The images as the manifests name them. */
export type Images = { readonly agent: string; readonly collector: string };

/**
 * Makes the chart.
 * @param description.build the command that builds a folder
 * @param description.manifests the folder with `k8s` and `otel-collector`
 * @param description.folder the folder of the chart, which is emptied first
 * @throws when kustomize fails
 */
export async function makeChart(description: {
  readonly build: BuildCommand;
  readonly manifests: string;
  readonly folder: string;
}): Promise<void> {
  const { build, manifests, folder } = description;
  const scratch = await scratchFolder("chart");
  try {
    for (const part of ["k8s", "otel-collector"]) {
      cpSync(join(manifests, part), join(scratch.path, part), { recursive: true });
    }
    const expressions = new Expressions();
    fillInExpressions(scratch.path, expressions);
    const baseObjects = buildVariant(build, scratch.path, BASE, []);
    const images = imagesOf(baseObjects);
    const components = readComponents(build, scratch.path);
    const prepare = (objects: readonly KubernetesObject[]) =>
      new Map(objects.map((object) => [fileOf(object), prepared(object, images, expressions)]));
    const base = prepare(baseObjects);
    const variants = [
      ...WAYS.filter((way) => way !== BASE).map((way) => ({
        option: way as string,
        objects: prepare(buildVariant(build, scratch.path, way, [])),
      })),
      ...components.map((component) => ({
        option: component.folder,
        objects: prepare(component.objects),
      })),
    ];

    rmSync(folder, { recursive: true, force: true });
    cpSync(join(manifests, "k8s/chart"), folder, { recursive: true });
    const all = [base, ...variants.map(({ objects }) => objects)];
    for (const file of new Set(all.flatMap((objects) => [...objects.keys()]))) {
      const object = choose(
        base.get(file),
        variants.map(({ option, objects }) => ({ option, value: objects.get(file) })),
      );
      const text = template(object, (option) => conditionOf(option, components), expressions);
      writeFileSync(join(folder, "templates", file), finished(file, text));
    }
    const chart = join(folder, "Chart.yaml");
    writeFileSync(chart, readFileSync(chart, "utf8").replaceAll("0.0.0", projectPackage.version));
    writeFileSync(join(folder, "values.yaml"), valuesOf(images, components));
    const check = readFileSync(join(manifests, "k8s/overlays/azure/check.sh"), "utf8");
    const schema = schemaOf({ components, check, fixed: fixedSettings(baseObjects) });
    writeFileSync(join(folder, "values.schema.json"), `${JSON.stringify(schema, undefined, 2)}\n`);
  } finally {
    scratch.remove();
  }
}

/** The condition in Go's template language that an option is on. */
function conditionOf(option: string, components: readonly Component[]): string {
  const component = components.find(({ folder }) => folder === option);
  return component === undefined
    ? `eq .Values.way "${option}"`
    : `.Values.components.${component.value}`;
}

/** The file of a template: `daemonset-chrony-tracker-agent.yaml`; with the group for a custom resource. */
function fileOf({ apiVersion, kind, metadata: { name } }: KubernetesObject): string {
  const [group = "", version] = apiVersion.split("/");
  const isCustom = version !== undefined && group.includes(".") && !group.endsWith(".k8s.io");
  return `${kind.toLowerCase()}-${name}${isCustom ? `.${group}` : ""}.yaml`;
}

type Container = {
  readonly name: string;
  readonly image: string;
  readonly env?: readonly { readonly name: string }[];
  readonly envFrom?: readonly { readonly configMapRef?: { readonly name: string } }[];
};

/** The fields of a DaemonSet or Deployment that the chart needs. */
type Workload = KubernetesObject & {
  readonly spec: {
    readonly template: {
      readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
      readonly spec: {
        readonly containers: readonly Container[];
        readonly volumes?: readonly { readonly configMap?: { readonly name: string } }[];
      };
    };
  };
};

function workloads(objects: readonly KubernetesObject[]): readonly Workload[] {
  return objects.filter((object): object is Workload =>
    ["DaemonSet", "Deployment"].includes(object.kind),
  );
}

function imagesOf(objects: readonly KubernetesObject[]): Images {
  const containers = workloads(objects).flatMap(({ spec }) => spec.template.spec.containers);
  const imageOf = (name: string) => {
    const image = containers.find((container) => container.name === name)?.image;
    if (image === undefined) {
      throw new Error(`The manifests have no container named ${name}.`);
    }
    return image;
  };
  return { agent: imageOf("agent"), collector: imageOf("collector") };
}

/** The settings in the DaemonSet itself, which a ConfigMap cannot change. */
function fixedSettings(objects: readonly KubernetesObject[]): string[] {
  return workloads(objects)
    .filter(({ kind }) => kind === "DaemonSet")
    .flatMap(({ spec }) => spec.template.spec.containers)
    .flatMap(({ env = [] }) => env.map(({ name }) => name));
}

/** The object with the expressions of the values, and with its type first, as people write it. */
function prepared(object: KubernetesObject, images: Images, expressions: Expressions): object {
  const { apiVersion, kind, metadata, ...rest } = withImages(
    ["DaemonSet", "Deployment"].includes(object.kind)
      ? withChecksums(object as Workload, expressions)
      : object,
    images,
    expressions,
  );
  if (fileOf(object) === COLLECTOR_SETTINGS) {
    const data = '{{- include "chrony-tracker.collectorSettings" . | nindent 2 }}';
    return { apiVersion, kind, metadata, data: expressions.add(data) };
  }
  return { apiVersion, kind, metadata, ...rest };
}

function withImages(
  object: KubernetesObject,
  images: Images,
  expressions: Expressions,
): KubernetesObject {
  return JSON.parse(JSON.stringify(object), (key, value) => {
    if (key === "image" && value === images.agent) {
      return expressions.add("{{ .Values.image | quote }}");
    }
    if (key === "image" && value === images.collector) {
      return expressions.add("{{ .Values.collectorImage | quote }}");
    }
    return value;
  });
}

/** Adds checksums of its ConfigMaps, so that pods are replaced when one changes. kustomize changes the names instead. */
function withChecksums(object: Workload, expressions: Expressions): Workload {
  const { template: pod } = object.spec;
  const names = [
    ...pod.spec.containers.flatMap(({ envFrom = [] }) =>
      envFrom.flatMap(({ configMapRef }) => configMapRef?.name ?? []),
    ),
    ...(pod.spec.volumes ?? []).flatMap(({ configMap }) => configMap?.name ?? []),
  ];
  const checksums = names.map((name) => [
    `checksum/${name}`,
    expressions.add(
      `{{ include (print $.Template.BasePath "/configmap-${name}.yaml") . | sha256sum }}`,
    ),
  ]);
  const annotations = { ...pod.metadata.annotations, ...Object.fromEntries(checksums) };
  return {
    ...object,
    spec: {
      ...object.spec,
      template: { ...pod, metadata: { ...pod.metadata, annotations } },
    },
  };
}

/** Adds what only one of the files needs. */
function finished(file: string, text: string): string {
  if (file.startsWith("namespace-")) {
    // Helm creates the release's own namespace, because it must exist before the release.
    const name = file.slice("namespace-".length, -".yaml".length);
    return `{{- if ne .Release.Namespace "${name}" }}\n${text}{{- end }}\n`;
  }
  if (file === AGENT_SETTINGS) {
    const defaults = text.replaceAll(
      /^ {2}([A-Z][A-Z_]*): .*$/gm,
      (line, name) => `{{- if not (hasKey .Values.agent "${name}") }}\n${line}\n{{- end }}`,
    );
    return `${defaults}{{- include "chrony-tracker.settings" .Values.agent | nindent 2 }}\n`;
  }
  return text;
}
