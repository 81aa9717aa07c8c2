// The Bicep files of azure/, parsed with a real grammar and compared with the published definitions of the resource
// types. There is no compiler and no Azure: neither the values of expressions nor the permissions of the deploying
// user are tested.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { runInNewContext } from "node:vm";
import { type BicepFile, type Declaration, readBicep, type Value } from "./bicep.ts";
import { problemOfReading, problemsOf, problemsOfProperties } from "./problems.ts";
import { type Property, RESOURCE_TYPES, type Type } from "./resource-types.ts";

const FOLDER = fileURLToPath(new URL("../../azure", import.meta.url));
const files = new Map<string, BicepFile>();

/** Reads a template and every module that it calls. */
async function readTemplate(path: string): Promise<void> {
  const file = await readBicep(join(FOLDER, path));
  files.set(path, file);
  for (const module of file.modules) {
    await readTemplate(join(dirname(path), module.target));
  }
}

await readTemplate("main.bicep");
const main = fileNamed("main.bicep");

function fileNamed(path: string): BicepFile {
  const file = files.get(path);
  assert.ok(file, `azure/${path} is missing`);
  return file;
}

function moduleFile(caller: string, module: Declaration): BicepFile {
  return fileNamed(join(dirname(caller), module.target));
}

function typeOf(resource: Declaration): Type {
  const type = RESOURCE_TYPES[resource.target];
  assert.ok(
    type,
    `${resource.target} is not in resource-types.ts: write its published definition down there`,
  );
  return type;
}

/** A resource's properties, and those that every resource has in Bicep. */
function knownProperties(resource: Declaration): Readonly<Record<string, Property>> {
  const type = typeOf(resource);
  assert.ok(typeof type === "object" && type.kind === "object");
  return {
    ...type.properties,
    parent: { type: "string", use: "optional" },
    scope: { type: "string", use: "optional" },
    dependsOn: { type: { kind: "array", of: "string" }, use: "optional" },
  };
}

/** The paths that are read from the symbol: each `symbol.name.name` in the text. */
function readings(file: BicepFile, symbol: string): string[][] {
  const chains = file.text.matchAll(
    new RegExp(`(?<![\\w/-])${symbol}!?((?:\\.\\??[A-Za-z]\\w*)+)`, "g"),
  );
  return [...chains].map(([, names = ""]) => names.split(/\.\??/).slice(1));
}

function textOf(value: Value | undefined): string | undefined {
  return value !== undefined && "text" in value ? value.text : undefined;
}

for (const [path, file] of files) {
  test(`azure/${path} is Bicep`, () => {
    assert.deepEqual(file.errors, []);
  });

  test(`azure/${path} uses what it declares, and declares what it uses`, () => {
    const declared = [
      ...file.parameters.map(({ name }) => name),
      ...file.variables,
      ...file.resources.map(({ symbol }) => symbol),
      ...file.modules.map(({ symbol }) => symbol),
    ];
    const used = new Set(file.usedNames);
    const known = new Set([...declared, ...file.localNames]);
    assert.deepEqual(
      [...used].filter((name) => !known.has(name)),
      [],
      "used, but nowhere declared",
    );
    const made = new Set(
      file.resources.filter(({ isExisting }) => !isExisting).map(({ symbol }) => symbol),
    );
    const effects = new Set([...made, ...file.modules.map(({ symbol }) => symbol)]);
    assert.deepEqual(
      declared.filter((name) => !used.has(name) && !effects.has(name)),
      [],
      "declared, but nowhere used",
    );
  });

  test(`azure/${path} gives resources the properties of their published types`, () => {
    const problems = file.resources.flatMap((resource) =>
      resource.isExisting
        ? [...resource.body.keys()].flatMap((name) =>
            ["name", "scope", "parent"].includes(name)
              ? []
              : [`${resource.symbol}.${name} is set, though the resource is only referred to`],
          )
        : problemsOfProperties(resource.body, knownProperties(resource), resource.symbol),
    );
    assert.deepEqual(problems, []);
  });

  test(`azure/${path} reads what resources and modules have`, () => {
    const ofResources = file.resources.flatMap((resource) =>
      readings(file, resource.symbol).flatMap((names) =>
        problemOfReading(typeOf(resource), names, resource.symbol),
      ),
    );
    const ofModules = file.modules.flatMap((module) => {
      const outputs = moduleFile(path, module).outputs.map(({ name }) => `outputs.${name}`);
      return readings(file, module.symbol)
        .map((names) => names.join("."))
        .filter((reading) => !outputs.includes(reading))
        .map((reading) => `${module.symbol} has no ${reading}`);
    });
    assert.deepEqual([...ofResources, ...ofModules], []);
  });

  test(`azure/${path} gives modules the parameters that they have`, () => {
    for (const module of file.modules) {
      const params = module.body.get("params");
      assert.ok(params?.kind === "object", `${module.symbol} has no params`);
      const wanted = moduleFile(path, module).parameters;
      const given = [...params.properties.keys()];
      assert.deepEqual(
        given.filter((name) => !wanted.some((parameter) => parameter.name === name)),
        [],
        `${module.symbol} is given what it does not take`,
      );
      assert.deepEqual(
        wanted
          .filter((parameter) => parameter.default === undefined && !given.includes(parameter.name))
          .map(({ name }) => name),
        [],
        `${module.symbol} is not given what it needs`,
      );
    }
  });

  test(`azure/${path} describes each parameter and output`, () => {
    const silent = [...file.parameters, ...file.outputs]
      .filter(({ decorators }) => !decorators.has("description"))
      .map(({ name }) => name);
    assert.deepEqual(silent, []);
  });

  test(`azure/${path} makes the same names in every deployment`, () => {
    const changing = ["utcNow", "newGuid", "deployment"];
    assert.deepEqual(
      file.calledFunctions.filter((name) => changing.includes(name)),
      [],
    );
  });
}

test("every Bicep file of azure/modules is used, so that none is unchecked", async () => {
  const modules = await readdir(join(FOLDER, "modules"));
  assert.deepEqual(
    modules.toSorted(),
    [...files.keys()]
      .map((path) => relative("modules", path))
      .filter((path) => !path.startsWith(".."))
      .toSorted(),
  );
});

test("the outputs are a warning and the values of the overlay for Azure", () => {
  assert.deepEqual(
    main.outputs.map(({ name }) => name),
    ["warning", "remoteWriteUrl", "clientId", "tenantId", "clusterName", "tokenIssuerUrl"],
  );
});

/** The default of the parameter `name`, evaluated as by Bicep, but with another hash. */
function defaultName(clusterResourceId: string): string {
  const expression = main.parameters.find(({ name }) => name === "name")?.default ?? "";
  const functions = {
    split: (text: string, separator: string) => text.split(separator),
    last: (parts: readonly string[]) => parts.at(-1),
    replace: (text: string, from: string, to: string) => text.replaceAll(from, to),
    take: (text: string, count: number) => text.slice(0, count),
    toLower: (text: string) => text.toLowerCase(),
    uniqueString: (text: string) => createHash("sha256").update(text).digest("hex").slice(0, 13),
  };
  // A Bicep string with interpolation is a JavaScript template literal with other quotes.
  return runInNewContext(`\`${expression.slice(1, -1)}\``, { ...functions, clusterResourceId });
}

test("the default name is valid and unique for each of 60 clusters", () => {
  const clusters = Array.from({ length: 60 }, (_, index) => {
    // Names of every length, many with a hyphen or underscore where they are truncated.
    const name = `a${"-_b".repeat(20).slice(0, index)}${index}`;
    return `/subscriptions/x/resourceGroups/Y/providers/Microsoft.ContainerService/managedClusters/${name}`;
  });
  const names = clusters.map(defaultName);
  for (const name of names) {
    // The strictest rules of all resources with this name: those of a workspace and an endpoint.
    assert.match(name, /^[a-z0-9][a-z0-9-]{2,42}[a-z0-9]$/);
  }
  assert.equal(new Set(names).size, clusters.length);
  // Azure changes the case of resource ids, which must not change the names.
  assert.equal(defaultName("/SUBSCRIPTIONS/X/blue"), defaultName("/subscriptions/x/blue"));
});

test("a rule never gets more than the five action groups that Azure accepts", () => {
  assert.match(main.text, /actionGroupCount > 5\n {2}\? fail\(/);
  const params = main.modules.find(({ symbol }) => symbol === "alertRules")?.body.get("params");
  assert.ok(params?.kind === "object");
  assert.equal(textOf(params.properties.get("actionGroupResourceIds")), "alertedActionGroupIds");
});

test("only the collector of k8s/ can use the identity", () => {
  const credential = main.resources.find(({ symbol }) => symbol === "federatedCredential");
  const properties = credential?.body.get("properties");
  assert.ok(properties?.kind === "object");
  const audiences = properties.properties.get("audiences");
  assert.ok(audiences?.kind === "array");
  assert.deepEqual(audiences.items.map(textOf), ["api://AzureADTokenExchange"]);
  assert.equal(textOf(properties.properties.get("subject")), "collectorSubject");
  assert.match(
    main.text,
    /^var collectorSubject = 'system:serviceaccount:chrony-tracker-collector:chrony-tracker-collector'$/m,
  );
});

test("the role is Monitoring Metrics Publisher, on the data collection rule only", () => {
  const file = fileNamed("modules/writer-role.bicep");
  const assignments = [...files.values()].flatMap(({ resources }) =>
    resources.filter(({ target }) => target.startsWith("Microsoft.Authorization/")),
  );
  assert.equal(assignments.length, 1);
  const [assignment] = assignments;
  assert.equal(textOf(assignment?.body.get("scope")), "rule");
  assert.equal(
    file.resources.find(({ symbol }) => symbol === "rule")?.target,
    "Microsoft.Insights/dataCollectionRules@2024-03-11",
  );
  assert.match(
    file.text,
    /^var monitoringMetricsPublisher = '3913510d-42f4-4e42-8a64-420c390055eb'$/m,
  );
});

test("the write URL has the form that Azure documents", () => {
  const [output] = fileNamed("modules/writing.bicep").outputs;
  const url = output?.value
    .slice(1, -1)
    .replace(
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is Bicep's own.
      "${endpoint.properties.metricsIngestion.endpoint}",
      "https://example-ab12.westeurope-1.metrics.ingest.monitor.azure.com",
    )
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is Bicep's own.
    .replace("${rule.properties.immutableId}", "dcr-0123456789abcdef0123456789abcdef");
  assert.equal(
    url,
    "https://example-ab12.westeurope-1.metrics.ingest.monitor.azure.com" +
      "/dataCollectionRules/dcr-0123456789abcdef0123456789abcdef" +
      "/streams/Microsoft-PrometheusMetrics/api/v1/write?api-version=2023-04-24",
  );
});

test("the rules of rule-groups.json have the published type", async () => {
  const groups: unknown = JSON.parse(await readFile(join(FOLDER, "rule-groups.json"), "utf8"));
  const type = typeOf({
    symbol: "ruleGroup",
    target: "Microsoft.AlertsManagement/prometheusRuleGroups@2023-03-01",
    isExisting: false,
    body: new Map(),
  });
  assert.ok(typeof type === "object" && type.kind === "object");
  const properties = type.properties["properties"]?.type;
  assert.ok(typeof properties === "object" && properties.kind === "object");
  const { interval, rules } = properties.properties;
  assert.ok(interval && rules && Array.isArray(groups) && groups.length > 0);
  const group: Type = {
    kind: "object",
    properties: { name: { type: "string", use: "required" }, interval, rules },
  };
  assert.deepEqual(
    problemsOf(valueOfJson(groups), { kind: "array", of: group }, basename("rule-groups.json")),
    [],
  );
});

function valueOfJson(json: unknown): Value {
  if (Array.isArray(json)) {
    return { kind: "array", items: json.map(valueOfJson) };
  }
  if (typeof json === "object" && json !== null) {
    return {
      kind: "object",
      properties: new Map(Object.entries(json).map(([name, value]) => [name, valueOfJson(value)])),
    };
  }
  const text = String(json);
  if (typeof json === "string") {
    return { kind: "string", text };
  }
  return typeof json === "number" ? { kind: "number", text } : { kind: "boolean", text };
}

test("the README's parameters are those of main.bicep, in order", async () => {
  const readme = await readFile(join(FOLDER, "README.md"), "utf8");
  const [, below = ""] = readme.split("<!-- parameters: compared with main.bicep by a test -->");
  const rows = below
    .slice(below.indexOf("|"), below.indexOf("\n\n"))
    .trim()
    .split("\n")
    .slice(2)
    .map((row) =>
      row
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  assert.deepEqual(
    rows,
    main.parameters.map(({ name, default: defaultValue, decorators }) => [
      `\`${name}\``,
      defaultValue === undefined ? "none, required" : `\`${defaultValue}\``,
      textOf(decorators.get("description")),
    ]),
  );
});
