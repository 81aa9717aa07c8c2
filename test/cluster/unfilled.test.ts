/**
 * What an operator sees who applies the manifests without filling them in: the shipped overlays as they
 * are, in the real cluster. Each time one sentence names what is missing, in the place where one looks first:
 * what kubectl answers, or what `kubectl get pods` and `kubectl describe pod` show.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { waitFor } from "../parts/wait-for.ts";
import { type ClusterWithChrony, startClusterWithChrony } from "./parts/cluster-with-agents.ts";
import { prepareInstallation } from "./parts/installation.ts";

/** A pod's container, as far as `kubectl describe pod` shows why it does not run. */
type Pod = {
  readonly status: {
    readonly containerStatuses?: readonly {
      readonly state: { readonly waiting?: { readonly reason: string; readonly message?: string } };
      readonly lastState: {
        readonly terminated?: { readonly exitCode: number; readonly message?: string };
      };
    }[];
  };
};

let cluster: ClusterWithChrony;

before(async () => {
  cluster = await startClusterWithChrony();
});

after(async () => {
  await cluster?.stop();
});

/** Applies an overlay as it is shipped but for some lines, and gives what a pod's container comes to. */
async function shown(
  overlay: string,
  namespace: string,
  more: {
    readonly values?: Readonly<Record<string, Readonly<Record<string, string>>>>;
    readonly image?: string;
  },
  isThere: (
    container: NonNullable<Pod["status"]["containerStatuses"]>[number],
  ) => string | undefined,
): Promise<string> {
  const { values = {}, image } = more;
  const { setup } = cluster;
  const installation = await prepareInstallation({
    setup: image === undefined ? setup : { ...setup, images: { ...setup.images, agent: image } },
    overlay,
    values,
  });
  try {
    await installation.apply();
    return await waitFor(
      `a sentence in ${namespace}`,
      async () => {
        const { items } = await cluster.kubectl.get<{ items: Pod[] }>(
          "pods",
          `--namespace=${namespace}`,
        );
        const containers = items.flatMap(({ status }) => status.containerStatuses ?? []);
        return containers.map(isThere).find((sentence) => sentence !== undefined);
      },
      120_000,
    );
  } finally {
    await installation.remove();
  }
}

test("azure: nothing is applied, and kubectl names a value that is missing", async () => {
  const installation = await prepareInstallation({
    setup: cluster.setup,
    overlay: "azure",
    values: {},
  });
  const { code, stderr } = await cluster.kubectl.try(["apply", "-k", installation.folder]);
  assert.notEqual(code, 0);
  assert.match(stderr, /data\.AZURE_CLIENT_ID. is missing for replacement source ConfigMap/);
  assert.match(stderr, /chrony-tracker-collector-settings/);
  const { stdout } = await cluster.kubectl.try(["get", "namespace", "chrony-tracker"]);
  assert.equal(stdout, "");
});

test("prometheus: the collector's pod is not started, and names a value that is missing", async () => {
  const message = await shown("prometheus", "chrony-tracker-collector", {}, ({ state }) =>
    state.waiting?.reason === "CreateContainerConfigError" ? state.waiting.message : undefined,
  );
  assert.match(
    message,
    /^couldn't find key CLUSTER_NAME in ConfigMap chrony-tracker-collector\/chrony-tracker-collector-settings-/,
  );
});

test("prometheus: a value that is there and empty is named by the collector as it ends", async () => {
  const values = {
    "collector.env": {
      CLUSTER_NAME: "",
      REMOTE_WRITE_URL: "http://127.0.0.1:1/",
      TOKEN_ISSUER_URL: "",
    },
  };
  const message = await shown(
    "prometheus",
    "chrony-tracker-collector",
    { values },
    ({ lastState }) => lastState.terminated?.message,
  );
  assert.match(message, /references empty environment variable\s+\{"name": "CLUSTER_NAME"\}/);
});

test("the image of a checkout: the pod waits for one, whose name says what to do", async () => {
  const image = "set-the-image.invalid/see-docs-releases/chrony-tracker:0.1.0";
  const message = await shown("pull-only", "chrony-tracker", { image }, ({ state }) =>
    state.waiting?.message?.includes("set-the-image") === true ? state.waiting.message : undefined,
  );
  assert.match(message, /set-the-image\.invalid\/see-docs-releases\/chrony-tracker:0\.1\.0/);
});

test("an invalid setting: the pod says which, and what is allowed", async () => {
  const values = { "agent.env": { SLEEP_INTERVAL: "often" } };
  const message = await shown(
    "pull-only",
    "chrony-tracker",
    { values },
    ({ lastState }) => lastState.terminated?.message,
  );
  assert.match(message, /SLEEP_INTERVAL.*often.*expected a number from 0\.1 to 60/);
});
