/** The chart's values.schema.json. Helm rejects invalid values with it before it applies anything. */
import { SETTING_DESCRIPTIONS, type SettingDescription } from "../../src/settings.ts";
import { type Component, WAYS } from "./build.ts";
import { firstSentence } from "./values.ts";

type Schema = Readonly<Record<string, unknown>>;

/** No white space, no quotation marks, no placeholder such as <cluster>. */
const PLAIN = "[^\\s\"'<>{}$]+";

/** Optional settings of the collector (otel-collector/README.md). */
const OPTIONAL = ["OLDEST_POINT", "OWN_METRICS_INTERVAL", "HTTPS_PROXY", "NO_PROXY"];

/**
 * The schema of the values.
 * @param description.check the text of the Azure overlay's check.sh, whose patterns the schema uses
 * @param description.fixed the agent's settings in the DaemonSet itself, which are not values
 */
export function schemaOf(description: {
  readonly components: readonly Component[];
  readonly check: string;
  readonly fixed: readonly string[];
}): Schema {
  const { components, check, fixed } = description;
  const needsCollector = components.filter(({ fitsPullOnly }) => !fitsPullOnly);
  return {
    $schema: "https://json-schema.org/draft-07/schema#",
    ...object({
      way: { enum: [...WAYS], description: "How points reach the backend" },
      collector: { type: "object" },
      backend: { type: "object" },
      agent: object(
        Object.fromEntries(
          SETTING_DESCRIPTIONS.flatMap((setting) =>
            setting.names
              .filter((name) => !fixed.includes(name))
              .map((name) => [name, agentSetting(setting)]),
          ),
        ),
      ),
      image: image(),
      collectorImage: image(),
      components: object(
        Object.fromEntries(
          components.map(({ value, description: text }) => [
            value,
            { type: "boolean", description: firstSentence(text) },
          ]),
        ),
      ),
      runAsUser: {
        ...object({ user: userId(), group: userId() }),
        required: ["user", "group"],
      },
      nodeRange: pattern("[0-9a-fA-F.:]+/[0-9]{1,3}", "An address range: ADDRESS/BITS"),
      proxyPorts: {
        type: "array",
        minItems: 1,
        items: { type: "integer", minimum: 1, maximum: 65_535 },
      },
      publicKeys: { type: "string" },
      // Helm sets it in a chart that is a dependency of another.
      global: { type: "object" },
    }),
    required: ["way"],
    allOf: [
      whereWay("azure", { collector: azureSettings(check), backend: empty() }),
      whereWay("prometheus", { collector: prometheusSettings() }),
      whereWay("pull-only", {
        collector: empty(),
        backend: empty(),
        components: {
          properties: Object.fromEntries(
            needsCollector.map(({ value }) => [value, { const: false }]),
          ),
        },
      }),
      {
        if: { properties: { components: { properties: { publicKeysFile: { const: false } } } } },
        else: { properties: { publicKeys: { minLength: 1 } } },
      },
    ],
  };
}

function object(properties: Schema): Schema {
  return { type: "object", additionalProperties: false, properties };
}

function empty(): Schema {
  return { type: "object", maxProperties: 0 };
}

function pattern(text: string, description: string): Schema {
  return { type: "string", pattern: `^(${text})$`, description };
}

function image(): Schema {
  return pattern(
    "[^\\s:@<>]+(:[0-9]+/[^\\s:@<>]+)?(:[\\w][\\w.-]*)?(@sha256:[0-9a-f]{64})?",
    "NAME:TAG or NAME@sha256:DIGEST",
  );
}

function userId(): Schema {
  return { type: "integer", minimum: 1 };
}

/** A number if the default is one. The agent checks the value itself when it starts. */
function agentSetting({ default: value, explanation }: SettingDescription): Schema {
  const isNumber = /^\d+$/.test(value);
  return {
    ...(isNumber
      ? { type: ["string", "number"], pattern: "^[0-9]+([.][0-9]+)?$" }
      : { type: "string", pattern: "^[^\\n]+$" }),
    description: explanation,
  };
}

function whereWay(way: string, properties: Schema): Schema {
  return {
    if: { not: { properties: { way: { const: way } } } },
    else: { properties },
  };
}

function prometheusSettings(): Schema {
  const required = {
    CLUSTER_NAME: pattern(PLAIN, "The label `cluster` of every series"),
    REMOTE_WRITE_URL: pattern(`https?://${PLAIN}`, "The address that points are written to"),
    TOKEN_ISSUER_URL: pattern(
      `https://${PLAIN}`,
      "The issuer of the cluster's service-account tokens: kubectl get --raw /.well-known/openid-configuration",
    ),
  };
  return settings(required, {});
}

/** The patterns and descriptions in check.sh. */
function azureSettings(check: string): Schema {
  const variables = new Map(
    [...check.matchAll(/^(guid|endpoint|path)='([^']*)'$/gm)].map(([, name = "", text = ""]) => [
      `$${name}`,
      text,
    ]),
  );
  const found = [...check.matchAll(/^check(_optional)? (\w+) (['"])(.*?)\3 '([^']*)'/gm)].map(
    ([, optional, name = "", , shape = "", description = ""]) => ({
      isRequired: optional === undefined,
      name,
      schema: pattern(
        shape.replaceAll(/\$\w+/g, (variable) => variables.get(variable) ?? variable),
        description,
      ),
    }),
  );
  const of = (isRequired: boolean) =>
    Object.fromEntries(
      found
        .filter((one) => one.isRequired === isRequired)
        .map(({ name, schema }) => [name, schema]),
    );
  return settings(of(true), of(false));
}

function settings(required: Schema, optional: Schema): Schema {
  return {
    ...object({
      ...Object.fromEntries(OPTIONAL.map((name) => [name, pattern(PLAIN, "")])),
      ...optional,
      ...required,
    }),
    required: Object.keys(required),
  };
}
