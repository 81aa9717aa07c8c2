// The check of the Azure overlay's values: the shipped script, run by the machine's /bin/sh. az and curl are fakes.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { symlink } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { findExecutable } from "../parts/executable.ts";
import { type ScratchFolder, scratchFolder } from "../parts/scratch-folder.ts";
import { type FakeAnswer, fakeProgram } from "./fake-az.ts";

const OVERLAY = fileURLToPath(new URL("../../k8s/overlays/azure", import.meta.url));
const WRITE_PATH =
  "/dataCollectionRules/dcr-0123456789abcdef0123456789abcdef/streams/Microsoft-PrometheusMetrics/api/v1/write?api-version=2023-04-24";
const ENDPOINT = "https://chrony-tracker-ab12.westeurope-1.metrics.ingest.monitor.azure.com";
const GOOD: Readonly<Record<string, string>> = {
  CLUSTER_NAME: "blue",
  TOKEN_ISSUER_URL:
    "https://westeurope.oic.prod-aks.azure.com/7b1c0a52-4f5e-4b7e-9a55-6f1d2c3e4a01/5c7e9a1b-3d2f-4e6a-8b9c-0d1e2f3a4b03/",
  REMOTE_WRITE_URL: ENDPOINT + WRITE_PATH,
  AZURE_CLIENT_ID: "0d9f6c1e-8a47-4c39-b1d0-2e5f7a9b3c02",
  AZURE_TENANT_ID: "7b1c0a52-4f5e-4b7e-9a55-6f1d2c3e4a01",
};

describe("the check of the values for Azure", () => {
  let folder: ScratchFolder;

  before(async () => {
    folder = await scratchFolder("ct");
  });
  after(() => folder?.remove());

  function checkText(text: string | Buffer): { status: number | null; output: string } {
    const file = join(folder.path, "values.env");
    writeFileSync(file, text);
    return checkFile(file);
  }

  function check(values: Readonly<Record<string, string>>): ReturnType<typeof checkText> {
    return checkText(textOf(values));
  }

  test("finds no fault in complete values", () => {
    assert.partialDeepStrictEqual(check(GOOD), { status: 0 });
  });

  test("finds every value of the shipped file missing, with the command that gives it", () => {
    const { status, output } = checkFile(join(OVERLAY, "values.env"));
    assert.equal(status, 1);
    for (const name of Object.keys(GOOD)) {
      assert.match(output, new RegExp(`^${name}: it is empty\\.\n  az `, "m"));
    }
    assert.match(output, /has 5 fault\(s\)/);
  });

  test("knows the same values as the shipped file", () => {
    const shipped = readFileSync(join(OVERLAY, "values.env"), "utf8").matchAll(/^(\w+)=/gm);
    assert.deepEqual(
      [...shipped].map(([, name]) => name),
      Object.keys(GOOD),
    );
  });

  test("accepts a sovereign cloud, a proxy, comments and blank lines", () => {
    const text = textOf({
      ...GOOD,
      REMOTE_WRITE_URL: GOOD["REMOTE_WRITE_URL"]?.replace("azure.com", "azure.us") ?? "",
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
    ["TOKEN_ISSUER_URL", GOOD["TOKEN_ISSUER_URL"]?.slice(0, -1), /lacks the \/ at its end/],
    ["TOKEN_ISSUER_URL", "https://kubernetes.default.svc.cluster.local", /OIDC issuer is off/],
    ["REMOTE_WRITE_URL", ENDPOINT, /is not the metrics ingestion address/],
    [
      "REMOTE_WRITE_URL",
      ENDPOINT + WRITE_PATH.replace("dcr-0", "dcr-"),
      /is not the metrics ingestion/,
    ],
    ["REMOTE_WRITE_URL", ENDPOINT + WRITE_PATH.replace(/\?.*/, ""), /is not the metrics ingestion/],
    [
      "REMOTE_WRITE_URL",
      ENDPOINT + WRITE_PATH.replace("Microsoft-P", "Custom-P"),
      /is not the metrics/,
    ],
    [
      "REMOTE_WRITE_URL",
      ENDPOINT.replace(".metrics", "") + WRITE_PATH,
      /is not the metrics ingestion/,
    ],
    [
      "REMOTE_WRITE_URL",
      ENDPOINT.replace("https", "http") + WRITE_PATH,
      /is not the metrics ingestion/,
    ],
    [
      "REMOTE_WRITE_URL",
      `${ENDPOINT}${WRITE_PATH}\r`,
      /white space, or the line ends as on Windows/,
    ],
    ["AZURE_CLIENT_ID", "0d9f6c1e8a474c39b1d02e5f7a9b3c02", /is not a client id/],
    ["AZURE_CLIENT_ID", GOOD["AZURE_TENANT_ID"], /the same as AZURE_TENANT_ID/],
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
      const { status, output } = check({ ...GOOD, [name]: value ?? "" });
      assert.equal(status, 1);
      assert.match(output, new RegExp(`^${name}: `, "m"));
      assert.match(output, complaint);
    });
  }

  test("requires the scope of the cloud in the write address", () => {
    const url = GOOD["REMOTE_WRITE_URL"]?.replace("azure.com", "azure.us") ?? "";
    const { status, output } = check({ ...GOOD, REMOTE_WRITE_URL: url });
    assert.equal(status, 1);
    assert.match(output, /AZURE_SCOPE: it must be https:\/\/monitor\.azure\.us\/\.default/);
  });

  test("counts a file of Windows as one fault a line", () => {
    const { output } = checkText(textOf(GOOD).replaceAll("\n", "\r\n"));
    assert.match(output, /has 5 fault\(s\)/);
  });

  test("says how to save a file with a byte order mark or in UTF-16", () => {
    const marked = `\uFEFF${textOf(GOOD)}`;
    for (const bytes of [Buffer.from(marked, "utf8"), Buffer.from(marked, "utf16le")]) {
      const { status, output } = checkText(bytes);
      assert.equal(status, 1);
      assert.match(output, /begins with a byte order mark, or is UTF-16\. Save it as UTF-8/);
    }
  });

  test("says what is wrong with `export NAME=` and `NAME = VALUE`", () => {
    const { output } = checkText(`export ${textOf(GOOD)}AZURE_SCOPE = x\n`);
    assert.match(output, /^line 1: "export CLUSTER_NAME" contains white space/m);
    assert.match(output, /^line 6: "AZURE_SCOPE " contains white space/m);
  });

  test("reports a value that is given three times once", () => {
    const { output } = checkText(`${textOf(GOOD)}CLUSTER_NAME=green\nCLUSTER_NAME=red\n`);
    assert.equal(output.match(/more than once/g)?.length, 1);
    assert.match(output, /more than once \(line 6\)/);
  });

  test("rejects a folder in place of a file", () => {
    assert.partialDeepStrictEqual(checkFile(folder.path), { status: 2 });
  });

  test("finds a misspelt name, an invalid line, and a value that is given twice", () => {
    const { status, output } = checkText(
      `${textOf(GOOD)}AZURE_CLIENTID=x\nnonsense\nCLUSTER_NAME=green`,
    );
    assert.equal(status, 1);
    assert.match(output, /line 6: "AZURE_CLIENTID" is not a setting of this file/);
    assert.match(output, /line 7: it is neither NAME=VALUE nor a comment/);
    assert.match(output, /CLUSTER_NAME: it is given more than once \(line 8\)/);
  });

  test("says why HTTP_PROXY is not used", () => {
    const { status, output } = checkText(`${textOf(GOOD)}HTTP_PROXY=http://proxy.example:3128\n`);
    assert.equal(status, 1);
    assert.match(
      output,
      /^HTTP_PROXY: .* unencrypted through the proxy, with their token\. Use HTTPS_PROXY\.$/m,
    );
  });

  test("does not repeat a proxy's password", () => {
    const { status, output } = check({ ...GOOD, HTTPS_PROXY: "me:hunter2@proxy.example" });
    assert.equal(status, 1);
    assert.doesNotMatch(output, /hunter2/);
  });

  test("says which file it cannot read", () => {
    const { status, output } = checkFile(join(folder.path, "absent.env"));
    assert.equal(status, 2);
    assert.match(output, /absent\.env cannot be read/);
  });
});

describe("the check of the values for Azure with az and curl", () => {
  const rule =
    "/subscriptions/x/resourceGroups/y/providers/Microsoft.Insights/dataCollectionRules/z";
  const principal = "11111111-2222-3333-4444-555555555555";
  const issuer = GOOD["TOKEN_ISSUER_URL"] ?? "";
  const discovery: FakeAnswer = {
    command: `--silent ${issuer}.well-known/openid-configuration`,
    stdout: `{\n  "issuer": "${issuer}",\n  "jwks_uri": "https://example/keys"\n}`,
  };
  const azure: readonly FakeAnswer[] = [
    { command: "account show" },
    { command: `aks list issuerUrl=='${issuer}'`, stdout: "blue\t\n" },
    {
      command: `identity list ${GOOD["AZURE_CLIENT_ID"]}`,
      stdout: `${principal}\tgroup\tchrony\t${GOOD["AZURE_TENANT_ID"]}\n`,
    },
    {
      command: `identity federated-credential list group chrony ${issuer} system:serviceaccount:chrony-tracker-collector:chrony-tracker-collector`,
      stdout: "aks\n",
    },
    {
      command: "monitor data-collection rule list dcr-0123456789abcdef0123456789abcdef",
      stdout: `${rule}\n`,
    },
    { command: `role assignment list ${principal} ${rule} --include-inherited`, stdout: "id\n" },
  ];
  const folders: ScratchFolder[] = [];
  after(() => {
    for (const folder of folders) {
      folder.remove();
    }
  });

  /** The answers above, with some of them replaced. */
  function azureBut(...others: readonly FakeAnswer[]): FakeAnswer[] {
    return [...others, ...azure];
  }

  /** Runs the check with only these programs and those of every system on its path. */
  async function check(
    answers: { readonly az?: readonly FakeAnswer[]; readonly curl?: readonly FakeAnswer[] },
    values: Readonly<Record<string, string>> = GOOD,
  ): Promise<{ status: number | null; output: string; commands: readonly string[] }> {
    const folder = await scratchFolder("ct");
    folders.push(folder);
    for (const tool of ["cut", "dirname", "grep", "head", "sed", "tr"]) {
      await symlink(findExecutable(tool) ?? `/usr/bin/${tool}`, join(folder.path, tool));
    }
    const fakes = await Promise.all(
      Object.entries(answers).map(([name, list]) => fakeProgram(folder.path, name, list)),
    );
    const file = join(folder.path, "values.env");
    writeFileSync(file, textOf(values));
    const { status, stdout, stderr } = spawnSync("/bin/sh", [join(OVERLAY, "check.sh"), file], {
      encoding: "utf8",
      env: { PATH: folder.path },
    });
    const commands = (await Promise.all(fakes.map((fake) => fake.commands()))).flat();
    return { status, output: stdout + stderr, commands };
  }

  test("finds no fault in values that belong together, and changes nothing", async () => {
    const { status, output, commands } = await check({ az: azure, curl: [discovery] });
    assert.equal(status, 0, output);
    assert.match(output, /has no fault, and Azure knows all of it\.$/m);
    for (const command of commands) {
      assert.match(command, /^(account show|(aks|identity|monitor|role) .*list |--silent)/);
    }
  });

  test("works without az and curl, and names what it did not check", async () => {
    const { status, output } = await check({});
    assert.equal(status, 0, output);
    assert.match(
      output,
      /^Not checked: whether the issuer answers, because curl is not installed/m,
    );
    assert.match(output, /^Not checked: .* because az is not installed/m);
    assert.match(output, /has no fault that can be seen/);
  });

  test("works with an az that is not logged in", async () => {
    const az = [{ command: "account show", stderr: "Please run 'az login'" }];
    const { status, output } = await check({ az, curl: [discovery] });
    assert.equal(status, 0, output);
    assert.match(output, /^Not checked: .* because az is not logged in/m);
  });

  test("does not ask Azure while the values have faults", async () => {
    const wrong = { ...GOOD, AZURE_CLIENT_ID: "x" };
    const { status, commands } = await check({ az: azure, curl: [discovery] }, wrong);
    assert.deepEqual([status, commands], [1, []]);
  });

  for (const [what, answers, complaint] of [
    [
      "an issuer that cannot be reached",
      { curl: [{ command: "--silent", stderr: "curl: (6) Could not resolve host" }] },
      /^TOKEN_ISSUER_URL: .*cannot be reached from here \(curl: \(6\) Could not resolve host\)/m,
    ],
    [
      "an issuer of another name",
      { curl: [{ command: "--silent", stdout: '{"issuer":"https://other/"}' }] },
      /^TOKEN_ISSUER_URL: .*its name is "https:\/\/other\/"/m,
    ],
    [
      "a server that is no issuer",
      { curl: [{ command: "--silent", stdout: "<html>Sign in</html>" }] },
      /^TOKEN_ISSUER_URL: "https:\/\/.*openid-configuration" answers, but not as an issuer/m,
    ],
    [
      "a cluster's name in another case",
      { az: azureBut({ command: "aks list", stdout: "Blue\t\n" }) },
      /^CLUSTER_NAME: it is "blue", and the cluster is called "Blue"\. Azure Monitor treats both as one/m,
    ],
    [
      "an identity of another tenant",
      {
        az: azureBut({
          command: "identity list",
          stdout: `${principal}\tgroup\tchrony\tother\n`,
        }),
      },
      /^AZURE_TENANT_ID: the identity chrony is of the tenant other\. Set that one\.$/m,
    ],
    [
      "a missing federated credential",
      { az: azureBut({ command: "identity federated-credential list" }) },
      /^AZURE_CLIENT_ID: no federated credential of chrony /m,
    ],
    [
      "a missing role",
      { az: azureBut({ command: "role assignment list" }) },
      /^REMOTE_WRITE_URL: chrony lacks the role Monitoring Metrics Publisher .*\n {2}az role assignment create .*--scope \/subscriptions\/x/m,
    ],
  ] as const) {
    test(`finds ${what}`, async () => {
      const { status, output } = await check({ az: azure, curl: [discovery], ...answers });
      assert.equal(status, 1, output);
      assert.match(output, complaint);
      assert.match(output, /has 1 fault\(s\)/);
    });
  }

  test("does not mention a proxy that was disabled", async () => {
    const az = azureBut({
      command: "aks list",
      stdout: "blue\thttp://proxy.example:3128\tFalse\n",
    });
    const { status, output } = await check({ az, curl: [discovery] });
    assert.equal(status, 0, output);
    assert.match(output, /has no fault, and Azure knows all of it\.$/m);
  });

  for (const [what, answer, note] of [
    [
      "a cluster of another subscription",
      { command: "aks list" },
      /^Not checked: whether the cluster is called blue: no cluster of this subscription/m,
    ],
    [
      "a name that may be a cluster_alias",
      { command: "aks list", stdout: "aks-prod-7\t\n" },
      /^Not checked: the name: the cluster with that issuer is called "aks-prod-7"/m,
    ],
    [
      "a cluster's proxy, without its password,",
      { command: "aks list", stdout: "blue\thttp://me:hunter2@proxy.example:3128\n" },
      /^Not checked: the egress: the cluster has the HTTP proxy http:\/\/proxy\.example:3128\./m,
    ],
    [
      "a right that the operator lacks",
      { command: "role assignment list", stderr: "(AuthorizationFailed) no\nmore" },
      /^Not checked: whether the identity may write: az answered "\(AuthorizationFailed\) no"\.$/m,
    ],
  ] as const) {
    test(`names ${what}, which is not a fault`, async () => {
      const { status, output } = await check({ az: azureBut(answer), curl: [discovery] });
      assert.equal(status, 0, output);
      assert.match(output, note);
      assert.doesNotMatch(output, /hunter2/);
    });
  }
});

function textOf(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}=${value}\n`)
    .join("");
}

function checkFile(file: string): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(
    "/bin/sh",
    [join(OVERLAY, "check.sh"), "--offline", file],
    {
      encoding: "utf8",
    },
  );
  return { status, output: stdout + stderr };
}
