/**
 * Every object of every overlay and component against the API server's own schema: a strict dry run on the server, which
 * rejects unknown fields. The definitions of PodMonitor and of the resources of cert-manager, Flux and Argo CD come from
 * their Go modules. Azure publishes none for its PodMonitor, so that of prometheus-operator is used with Azure's group.
 */
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { parse, stringify } from "yaml";
import { waitFor } from "../parts/wait-for.ts";
import { prepareInstallation } from "./parts/installation.ts";
import { type Kubectl, kubectlOf } from "./parts/kubectl.ts";
import { type TestSetup, testSetup } from "./parts/test-setup.ts";

const K8S = fileURLToPath(new URL("../../k8s/", import.meta.url));
const EXAMPLES = fileURLToPath(new URL("../../examples/", import.meta.url));
const overlays = await readdir(`${K8S}overlays`);
const components = await readdir(`${K8S}components`);
const setup: TestSetup = testSetup();
const kubectl: Kubectl = kubectlOf(setup.kubernetes.kubectl, setup.cluster.kubeconfig);

/** Namespaces that objects need and that a dry run does not create. */
const NAMESPACES = [
  "chrony-tracker",
  "chrony-tracker-collector",
  "cert-manager",
  "database",
  "flux-system",
  "argocd",
];

type Definition = {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly names: { readonly plural: string } };
};

before(async () => {
  for (const file of setup.customResources) {
    const text = await readFile(file, "utf8");
    await define(text);
    if (file.endsWith("podmonitors.yaml")) {
      await define(text.replaceAll("monitoring.coreos.com", "azmonitoring.coreos.com"));
    }
  }
  for (const name of NAMESPACES) {
    await kubectl("create", "namespace", name);
  }
});

after(async () => {
  for (const name of NAMESPACES) {
    await kubectl("delete", "namespace", name, "--wait");
  }
});

async function define(text: string): Promise<void> {
  const definition: Definition = parse(text);
  await kubectl.apply(stringify(definition), "--server-side");
  const name = definition.metadata.name;
  await waitFor(`the API server to serve ${name}`, () => kubectl("get", name, "-A"), 60_000);
}

/** The API server's answer to a dry run of the objects. */
async function check(objects: string): Promise<void> {
  const { code, stderr } = await kubectl.try(
    ["apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-"],
    objects,
  );
  assert.equal(code, 0, stderr);
}

for (const overlay of overlays) {
  test(`the API server knows every field of the overlay ${overlay}`, async () => {
    const installation = await prepareInstallation({ setup, overlay, values: {} });
    await check(await installation.build());
  });
}

for (const component of components) {
  test(`the API server knows every field of the component ${component}`, async () => {
    const installation = await prepareInstallation({
      setup,
      overlay: component.includes("pull") ? "pull-only" : "prometheus",
      values: {},
      components: [component],
      files: { "../../components/public-keys-file/public-keys.json": '{"keys": []}' },
    });
    await check(await installation.build());
  });
}

test("the API server knows every field of the example of a pod that waits for the clock", async () => {
  await check(await readFile(`${K8S}examples/wait-for-clock.yaml`, "utf8"));
});

for (const example of ["flux/chart", "flux/manifests", "argo-cd/chart", "argo-cd/manifests"]) {
  test(`the API server knows every field of the example gitops/${example}.yaml`, async () => {
    await check(await readFile(`${EXAMPLES}gitops/${example}.yaml`, "utf8"));
  });
}

test("the check is strict: an unknown field is rejected", async () => {
  const installation = await prepareInstallation({ setup, overlay: "pull-only", values: {} });
  const objects = (await installation.build()).replace("hostPath:", "hostpath:");
  await assert.rejects(check(objects), /hostpath|unknown field/);
});
