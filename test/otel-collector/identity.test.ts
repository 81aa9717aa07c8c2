// Who may speak, and for whom: pushes made by hand with tokens shaped as the API server's (Kubernetes
// 1.34), a real collector (the version of builder.yaml) with the configuration for a cluster, and a
// real Prometheus.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { UnsecuredJWT } from "jose";
import { parse } from "yaml";
import { METRICS } from "../../src/metrics/catalogue.ts";
import { isPlain } from "../../src/metrics/metric.ts";
import { kubernetesConfigurationFiles } from "../parts/collector.ts";
import { scratchFolder } from "../parts/scratch-folder.ts";
import {
  type CollectorWithPrometheus,
  clusterName,
  startCollectorWithPrometheus,
} from "./collector-with-prometheus.ts";
import {
  counter,
  gauge,
  type Metric,
  nodeResource,
  type Point,
  type PushAnswer,
  push,
  pushAll,
  sentHeader,
} from "./otlp.ts";
import {
  agentSubject,
  startTokenIssuer,
  type TokenDescription,
  type TokenIssuer,
} from "./token-issuer.ts";

/** Every label that a series in Prometheus may have beside the point's own. */
function labelsOfSender(node: string): Record<string, string> {
  return {
    cluster: clusterName,
    job: "chrony-tracker",
    instance: node,
    k8s_node_name: node,
    k8s_namespace_name: "chrony-tracker",
  };
}

function now(value = 1): Point {
  return { timeMilliseconds: Date.now(), value };
}

describe("a collector in a cluster", () => {
  let issuer: TokenIssuer;
  let parts: CollectorWithPrometheus;

  before(async () => {
    issuer = await startTokenIssuer();
    parts = await startCollectorWithPrometheus("0s", {
      configurationFiles: kubernetesConfigurationFiles,
      environment: { TOKEN_ISSUER_URL: issuer.url },
    });
  });
  after(async () => {
    await parts?.stop();
    await issuer?.stop();
  });

  /** A push with a token; all else is an honest agent's unless given. */
  async function pushWith(
    token: string | undefined,
    metrics: readonly Metric[],
    resource = nodeResource("node-of-nobody"),
  ): Promise<PushAnswer> {
    return push(parts.collector.otlpUrl, {
      resource,
      metrics,
      sent: sentHeader(Date.now()),
      ...(token === undefined ? {} : { token }),
    });
  }

  /** What Prometheus has of a metric, wherever it was filed. */
  async function seriesOf(metric: string): Promise<Readonly<Record<string, string>>[]> {
    const found = await parts.prometheus.query(`{__name__=~"${metric}.*"}`);
    return found.map(({ labels }) => labels);
  }

  test("takes what an agent pushes, under the node of its token", async () => {
    const answer = await pushWith(
      await issuer.token({ node: "node-1" }),
      [gauge("chrony_honest", now()), counter("chrony_honest_total", now())],
      nodeResource("node-1"),
    );

    assert.equal(answer.status, 200, answer.body);
    assert.deepEqual(
      new Set(await seriesOf("chrony_honest")),
      new Set([
        { __name__: "chrony_honest", ...labelsOfSender("node-1") },
        { __name__: "chrony_honest_total", ...labelsOfSender("node-1") },
      ]),
    );
  });

  describe("refuses", () => {
    const strangers: readonly (readonly [string, number, TokenDescription])[] = [
      ["an expired token", 401, { lifetime: "-1h" }],
      ["a token for another audience", 401, { audience: "https://kubernetes.default.svc" }],
      [
        "a token that another issuer is said to have issued",
        401,
        { issuer: "https://example.com" },
      ],
      ["another service account", 503, { subject: "system:serviceaccount:default:default" }],
      [
        "another service account of the agents' namespace",
        503,
        { subject: "system:serviceaccount:chrony-tracker:default" },
      ],
      [
        "a service account whose name begins like the agents'",
        503,
        { subject: `${agentSubject}-2` },
      ],
      ["a token without a node: Kubernetes before 1.30", 503, { node: undefined }],
      ["a token without what Kubernetes says", 503, { claims: {} }],
      [
        "a token whose node is no object",
        503,
        { claims: { "kubernetes.io": { namespace: "chrony-tracker", node: "node-2" } } },
      ],
    ];
    for (const [index, [who, status, description]] of strangers.entries()) {
      test(who, async () => {
        const metric = `chrony_stranger_${index}`;
        const token = await issuer.token({ node: "node-2", ...description });

        const answer = await pushWith(token, [gauge(metric, now())]);

        assert.equal(answer.status, status, answer.body);
        assert.deepEqual(await seriesOf(metric), []);
      });
    }

    test("a push without a token", async () => {
      const answer = await pushWith(undefined, [gauge("chrony_no_token", now())]);

      assert.equal(answer.status, 401, answer.body);
      assert.deepEqual(await seriesOf("chrony_no_token"), []);
    });

    for (const [what, token] of [
      ["no token at all", "garbage"],
      ["two dots and nothing between them", "a.b.c"],
    ] as const) {
      test(`a token that is ${what}`, async () => {
        const answer = await pushWith(token, [gauge("chrony_garbage", now())]);

        assert.equal(answer.status, 401, answer.body);
        assert.deepEqual(await seriesOf("chrony_garbage"), []);
      });
    }

    test("a token that nobody signed", async () => {
      const token = new UnsecuredJWT({ "kubernetes.io": { node: { name: "node-2" } } })
        .setIssuer(issuer.url)
        .setSubject(agentSubject)
        .setAudience("chrony-tracker")
        .setExpirationTime("1h")
        .encode();

      const answer = await pushWith(token, [gauge("chrony_unsigned", now())]);

      assert.equal(answer.status, 401, answer.body);
      assert.deepEqual(await seriesOf("chrony_unsigned"), []);
    });

    test("a token that is signed with another key, under the right key's name", async (t) => {
      const other = await startTokenIssuer();
      t.after(() => other.stop());
      const token = await other.token({ node: "node-2", issuer: issuer.url });

      const answer = await pushWith(token, [gauge("chrony_other_key", now())]);

      assert.equal(answer.status, 401, answer.body);
      assert.deepEqual(await seriesOf("chrony_other_key"), []);
    });

    test("with words that a person can act on", async () => {
      const metrics = [gauge("chrony_words", now())];
      const foreign = await issuer.token({ node: "node-2", subject: "system:serviceaccount:a:b" });
      const old = await issuer.token({ node: undefined });

      assert.match(
        (await pushWith(foreign, metrics)).body,
        /This service account is not the agents'/,
      );
      assert.match((await pushWith(old, metrics)).body, /The token names no node/);
    });

    test("a push of which a statement fails, as a whole", async () => {
      const answer = await push(parts.collector.otlpUrl, {
        token: await issuer.token({ node: "node-2" }),
        resource: nodeResource("node-2"),
        metrics: [gauge("chrony_failing", now())],
        // transform/time cannot read this as a number and goes on with nothing.
        sent: "not a number",
      });

      assert.equal(answer.status, 503, answer.body);
      assert.deepEqual(await seriesOf("chrony_failing"), []);
    });
  });

  test("files everything under the token's node, whatever the sender says", async () => {
    const everyForm = Object.fromEntries(
      [
        "cluster",
        "job",
        "instance",
        "service.name",
        "service.namespace",
        "service.instance.id",
        "k8s.node.name",
        "k8s.namespace.name",
        "k8s.pod.name",
        "k8s_node_name",
        "k8s.node_name",
        "k8s-node-name",
        "k8s_namespace_name",
        "K8s.Node.Name",
        "Instance",
        "CLUSTER",
        "__name__",
        "host.name",
        "chrony_tracker.offset_us",
        "refused",
      ].map((name) => [name, "forged"]),
    );
    const attributes = { ...everyForm, state: "stale" };
    const token = await issuer.token({ node: "node-3" });

    const answer = await pushAll(
      parts.collector.otlpUrl,
      ["chrony_forged_a", "chrony_forged_b"].map((name) => ({
        resource: everyForm,
        metrics: [gauge(name, { ...now(), attributes })],
      })),
      { token, sent: sentHeader(Date.now()) },
    );

    assert.equal(answer.status, 200, answer.body);
    assert.deepEqual(
      new Set(await seriesOf("chrony_forged")),
      new Set(
        ["chrony_forged_a", "chrony_forged_b"].map((__name__) => ({
          __name__,
          state: "stale",
          ...labelsOfSender("node-3"),
        })),
      ),
    );
    assert.deepEqual(await parts.prometheus.query('{__name__=~".*forged|forged"}'), []);
  });

  test("does not let one node end another's series", async () => {
    const owner = await issuer.token({ node: "node-4" });
    const other = await issuer.token({ node: "node-5" });
    const resource = nodeResource("node-4");
    await pushWith(owner, [gauge("chrony_not_yours", now())], resource);

    const withheld = gauge("chrony_tracker.withheld.chrony_not_yours", now());
    const answer = await pushWith(other, [withheld], resource);

    assert.equal(answer.status, 200, answer.body);
    assert.deepEqual(await seriesOf("chrony_not_yours"), [
      { __name__: "chrony_not_yours", ...labelsOfSender("node-4") },
    ]);
  });

  test("drops what no agent sends, and keeps the rest of the push", async () => {
    const histogram = {
      aggregationTemporality: 2,
      dataPoints: [
        {
          timeUnixNano: `${Date.now()}000000`,
          count: "1",
          sum: 1,
          bucketCounts: ["1", "0"],
          explicitBounds: [1],
        },
      ],
    };
    const summary = {
      dataPoints: [
        {
          timeUnixNano: `${Date.now()}000000`,
          count: "1",
          sum: 1,
          quantileValues: [{ quantile: 0.5, value: 1 }],
        },
      ],
    };
    const foreign = [
      "up",
      "kube_node_info",
      "ALERTS",
      "Chrony_up",
      "chrony_Up",
      "chrony_",
      "chrony.up",
      "chrony_up\n",
      "x\nchrony_up",
      "chrony-up",
      "chrony_tracker.sent.more",
      "chrony_tracker.withheld.up",
      "chrony_tracker.withheld.chrony_tracker.withheld.chrony_up",
      "chrony_tracker.other",
    ];

    const answer = await pushWith(await issuer.token({ node: "node-6" }), [
      ...foreign.map((name) => gauge(name, now())),
      { name: "chrony_histogram", histogram },
      { name: "chrony_summary", summary },
      gauge("chrony_kept", now()),
    ]);

    assert.equal(answer.status, 200, answer.body);
    const found = await parts.prometheus.query('{instance="node-6"}');
    assert.deepEqual(
      found.map(({ labels: { __name__ } }) => __name__),
      ["chrony_kept"],
    );
  });

  test("keeps every label of the agent's catalogue", async () => {
    const labels = new Set(
      METRICS.flatMap((metric) => (isPlain(metric) ? [] : metric.labels)).toSorted(),
    );
    const attributes = Object.fromEntries([...labels].map((label) => [label, randomUUID()]));

    await pushWith(await issuer.token({ node: "node-7" }), [
      gauge("chrony_labelled", { ...now(), attributes }),
    ]);

    assert.deepEqual(await seriesOf("chrony_labelled"), [
      { __name__: "chrony_labelled", ...attributes, ...labelsOfSender("node-7") },
    ]);
  });
});

describe("a collector that accepts tokens without a node", () => {
  let issuer: TokenIssuer;
  let parts: CollectorWithPrometheus;

  before(async () => {
    issuer = await startTokenIssuer();
    parts = await startCollectorWithPrometheus("0s", {
      configurationFiles: kubernetesConfigurationFiles,
      environment: { TOKEN_ISSUER_URL: issuer.url, TOKEN_WITHOUT_NODE: "accepted" },
    });
  });
  after(async () => {
    await parts?.stop();
    await issuer?.stop();
  });

  async function instanceOf(
    token: string,
    metric: string,
    resource: Record<string, string>,
  ): Promise<(string | undefined)[]> {
    const metrics = [gauge(metric, now())];
    await push(parts.collector.otlpUrl, { token, resource, metrics });
    const found = await parts.prometheus.query(metric);
    return found.map(({ labels }) => labels["instance"]);
  }

  test("takes the agent's word for its node, and for nothing else", async () => {
    const token = await issuer.token({ node: undefined });
    const resource = { ...nodeResource("node-1"), "service.instance.id": "forged" };

    assert.deepEqual(await instanceOf(token, "chrony_word", resource), ["node-1"]);
  });

  test("still goes by the token where it names a node", async () => {
    const token = await issuer.token({ node: "node-2" });

    assert.deepEqual(await instanceOf(token, "chrony_token", nodeResource("node-1")), ["node-2"]);
  });

  test("refuses a push that names no node either", async () => {
    const token = await issuer.token({ node: undefined });

    assert.deepEqual(await instanceOf(token, "chrony_nobody", {}), []);
  });

  test("still refuses other service accounts", async () => {
    const token = await issuer.token({ subject: "system:serviceaccount:default:default" });

    assert.deepEqual(await instanceOf(token, "chrony_other", nodeResource("node-1")), []);
  });
});

test("an issuer that cannot be asked: the collector goes by a file with its keys", async (t) => {
  const folder = await scratchFolder("ct");
  t.after(() => folder.remove());
  const issuer = await startTokenIssuer();
  await issuer.stop();
  const publicKeysFile = join(folder.path, "public-keys.json");
  await writeFile(publicKeysFile, issuer.publicKeys);
  const parts = await startCollectorWithPrometheus("0s", {
    configurationFiles: kubernetesConfigurationFiles,
    environment: { TOKEN_ISSUER_URL: issuer.url, TOKEN_PUBLIC_KEYS_FILE: publicKeysFile },
  });
  t.after(() => parts.stop());
  const pushFrom = async (description: TokenDescription) => {
    const { status } = await push(parts.collector.otlpUrl, {
      token: await issuer.token(description),
      resource: nodeResource("node-1"),
      metrics: [gauge("chrony_up", now())],
    });
    return status;
  };

  assert.equal(await pushFrom({ node: "node-1" }), 200);
  assert.equal(await pushFrom({ node: "node-1", lifetime: "-1h" }), 401);
  assert.equal(await pushFrom({ node: "node-1", issuer: "https://example.com" }), 401);
});

test("no label that the collector keeps stands in for one that says who sent the point", async () => {
  const identity = kubernetesConfigurationFiles.find((file) => file.endsWith("/identity.yaml"));
  const { processors } = parse(await readFile(identity ?? "", "utf8"));
  const statements = JSON.stringify(processors["transform/identity"]);
  const [, kept = ""] = /keep_keys\(datapoint\.attributes, \[(.*?)\]/.exec(statements) ?? [];
  const names: readonly string[] = kept.match(/\w+/g) ?? [];
  assert.ok(names.includes("state"), statements);
  for (const label of ["__name__", "le", "quantile", ...Object.keys(labelsOfSender(""))]) {
    assert.ok(!names.includes(label), label);
  }
});
