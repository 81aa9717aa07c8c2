// What an operator is told of the Azure overlay's values before anything is applied: the shipped
// script, run by the machine's own /bin/sh.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type ScratchFolder, scratchFolder } from "../parts/scratch-folder.ts";

const overlay = fileURLToPath(new URL("../../k8s/overlays/azure", import.meta.url));
const path =
  "/dataCollectionRules/dcr-0123456789abcdef0123456789abcdef/streams/Microsoft-PrometheusMetrics/api/v1/write?api-version=2023-04-24";
const endpoint = "https://chrony-tracker-ab12.westeurope-1.metrics.ingest.monitor.azure.com";
const good: Readonly<Record<string, string>> = {
  CLUSTER_NAME: "blue",
  TOKEN_ISSUER_URL:
    "https://westeurope.oic.prod-aks.azure.com/7b1c0a52-4f5e-4b7e-9a55-6f1d2c3e4a01/5c7e9a1b-3d2f-4e6a-8b9c-0d1e2f3a4b03/",
  REMOTE_WRITE_URL: endpoint + path,
  AZURE_CLIENT_ID: "0d9f6c1e-8a47-4c39-b1d0-2e5f7a9b3c02",
  AZURE_TENANT_ID: "7b1c0a52-4f5e-4b7e-9a55-6f1d2c3e4a01",
};

describe("the check of the values for Azure", () => {
  let folder: ScratchFolder;

  before(async () => {
    folder = await scratchFolder("ct");
  });
  after(() => folder?.remove());

  function checkText(text: string): { status: number | null; output: string } {
    const file = join(folder.path, "values.env");
    writeFileSync(file, text);
    return checkFile(file);
  }

  function check(values: Readonly<Record<string, string>>): ReturnType<typeof checkText> {
    return checkText(textOf(values));
  }

  test("finds no fault in complete values", () => {
    assert.partialDeepStrictEqual(check(good), { status: 0 });
  });

  test("finds every value of the shipped file missing, with the command that gives it", () => {
    const { status, output } = checkFile(join(overlay, "values.env"));
    assert.equal(status, 1);
    for (const name of Object.keys(good)) {
      assert.match(output, new RegExp(`^${name}: it is empty\\.\n  az `, "m"));
    }
    assert.match(output, /has 5 fault\(s\)/);
  });

  test("knows the same values as the shipped file", () => {
    const shipped = readFileSync(join(overlay, "values.env"), "utf8").matchAll(/^(\w+)=/gm);
    assert.deepEqual(
      [...shipped].map(([, name]) => name),
      Object.keys(good),
    );
  });

  test("takes a sovereign cloud, a proxy, comments and blank lines", () => {
    const text = textOf({
      ...good,
      REMOTE_WRITE_URL: good["REMOTE_WRITE_URL"]?.replace("azure.com", "azure.us") ?? "",
      AZURE_SCOPE: "https://monitor.azure.us/.default",
      AZURE_AUTHORITY_HOST: "https://login.microsoftonline.us/",
      HTTPS_PROXY: "http://proxy.example:3128",
      NO_PROXY: "10.0.0.0/8,.svc",
    });
    assert.partialDeepStrictEqual(checkText(`# mine\n\n${text}`), { status: 0 });
  });

  for (const [name, value, complaint] of [
    ["CLUSTER_NAME", "my cluster", /white space/],
    ["CLUSTER_NAME", '"blue"', /quotation marks/],
    ["CLUSTER_NAME", "<cluster>", /placeholder/],
    ["CLUSTER_NAME", "b".repeat(64), /is not the name of an AKS cluster/],
    ["CLUSTER_NAME", "/subscriptions/x/managedClusters/blue", /is not the name of an AKS cluster/],
    ["TOKEN_ISSUER_URL", "http://issuer.example/", /begins with https/],
    ["TOKEN_ISSUER_URL", good["TOKEN_ISSUER_URL"]?.slice(0, -1), /lacks the \/ at its end/],
    ["REMOTE_WRITE_URL", endpoint, /is not the metrics ingestion address/],
    ["REMOTE_WRITE_URL", endpoint + path.replace("dcr-0", "dcr-"), /is not the metrics ingestion/],
    ["REMOTE_WRITE_URL", endpoint + path.replace(/\?.*/, ""), /is not the metrics ingestion/],
    ["REMOTE_WRITE_URL", endpoint + path.replace("Microsoft-P", "Custom-P"), /is not the metrics/],
    ["REMOTE_WRITE_URL", endpoint.replace(".metrics", "") + path, /is not the metrics ingestion/],
    ["REMOTE_WRITE_URL", endpoint.replace("https", "http") + path, /is not the metrics ingestion/],
    ["REMOTE_WRITE_URL", `${endpoint}${path}\r`, /white space, or the line ends as on Windows/],
    ["AZURE_CLIENT_ID", "0d9f6c1e8a474c39b1d02e5f7a9b3c02", /is not a client id/],
    ["AZURE_CLIENT_ID", good["AZURE_TENANT_ID"], /the same as AZURE_TENANT_ID/],
    ["AZURE_TENANT_ID", "contoso.onmicrosoft.com", /is not a tenant id/],
    ["AZURE_SCOPE", "https://monitor.azure.com", /is not a scope/],
    [
      "AZURE_SCOPE",
      "https://monitor.azure.us/.default",
      /must be .*azure\.com\/\.default for that/,
    ],
    ["AZURE_AUTHORITY_HOST", "login.microsoftonline.us", /is not an address/],
    ["HTTPS_PROXY", "proxy.example:3128", /is not the address of a proxy/],
  ] as const) {
    test(`finds the fault in ${name}=${JSON.stringify(value).slice(0, 90)}`, () => {
      const { status, output } = check({ ...good, [name]: value ?? "" });
      assert.equal(status, 1);
      assert.match(output, new RegExp(`^${name}: `, "m"));
      assert.match(output, complaint);
    });
  }

  test("wants the scope that belongs to the cloud of the write address", () => {
    const url = good["REMOTE_WRITE_URL"]?.replace("azure.com", "azure.us") ?? "";
    const { status, output } = check({ ...good, REMOTE_WRITE_URL: url });
    assert.equal(status, 1);
    assert.match(output, /AZURE_SCOPE: it must be https:\/\/monitor\.azure\.us\/\.default/);
  });

  test("counts a file of Windows as one fault a line", () => {
    const { output } = checkText(textOf(good).replaceAll("\n", "\r\n"));
    assert.match(output, /has 5 fault\(s\)/);
  });

  test("says of `export NAME=` and `NAME = VALUE` what is wrong with them", () => {
    const { output } = checkText(`export ${textOf(good)}AZURE_SCOPE = x\n`);
    assert.match(output, /^line 1: "export CLUSTER_NAME" holds white space/m);
    assert.match(output, /^line 6: "AZURE_SCOPE " holds white space/m);
  });

  test("tells a value that is given three times once", () => {
    const { output } = checkText(`${textOf(good)}CLUSTER_NAME=green\nCLUSTER_NAME=red\n`);
    assert.equal(output.match(/more than once/g)?.length, 1);
    assert.match(output, /more than once \(line 6\)/);
  });

  test("does not take a folder for a file", () => {
    assert.partialDeepStrictEqual(checkFile(folder.path), { status: 2 });
  });

  test("finds a misspelt name, a line that is none, and a value given twice", () => {
    const { status, output } = checkText(
      `${textOf(good)}AZURE_CLIENTID=x\nnonsense\nCLUSTER_NAME=green`,
    );
    assert.equal(status, 1);
    assert.match(output, /line 6: "AZURE_CLIENTID" is no setting of this file/);
    assert.match(output, /line 7: it is neither NAME=VALUE nor a comment/);
    assert.match(output, /CLUSTER_NAME: it is given more than once \(line 8\)/);
  });

  test("does not repeat a proxy's password", () => {
    const { status, output } = check({ ...good, HTTPS_PROXY: "me:hunter2@proxy.example" });
    assert.equal(status, 1);
    assert.doesNotMatch(output, /hunter2/);
  });

  test("says which file it cannot read", () => {
    const { status, output } = checkFile(join(folder.path, "absent.env"));
    assert.equal(status, 2);
    assert.match(output, /absent\.env cannot be read/);
  });
});

function textOf(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}=${value}\n`)
    .join("");
}

function checkFile(file: string): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync("/bin/sh", [join(overlay, "check.sh"), file], {
    encoding: "utf8",
  });
  return { status, output: stdout + stderr };
}
