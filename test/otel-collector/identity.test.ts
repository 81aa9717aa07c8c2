// Who may push, and for which node: pushes made by hand with tokens like the API server's (Kubernetes 1.34), a real
// collector (the version of builder.yaml) with the configuration for a cluster, and a real Prometheus.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { UnsecuredJWT } from "jose";
import { CLUSTER, KUBERNETES_CONFIGURATION_FILES } from "../parts/collector.ts";
import { folderOf } from "../parts/scratch-folder.ts";
import { suiteScope } from "../parts/suite-scope.ts";
import {
  type CollectorWithPrometheus,
  startCollectorWithPrometheus,
} from "./collector-with-prometheus.ts";
import {
  AGENT_SUBJECT,
  type FakeTokenIssuer,
  startFakeTokenIssuer,
  type TokenDescription,
} from "./fake-token-issuer.ts";
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

/** All labels that a series in Prometheus may have in addition to the point's own. */
function labelsOfSender(node: string): Record<string, string> {
  return {
    cluster: CLUSTER,
    job: "chrony-tracker",
    instance: node,
    k8s_node_name: node,
    k8s_namespace_name: "chrony-tracker",
  };
}

function now(value = 1): Point {
  return { timeMs: Date.now(), value };
}

/** A metric of the catalogue with a mark that distinguishes it from those of other tests. */
function marked(mark: string, name = "chrony_up"): Metric {
  return gauge(name, { ...now(), attributes: { source_name: mark } });
}

describe("a collector in a cluster", () => {
  const scope = suiteScope();
  let issuer: FakeTokenIssuer;
  let parts: CollectorWithPrometheus;

  before(async () => {
    issuer = await startFakeTokenIssuer(scope);
    parts = await startCollectorWithPrometheus(scope, {
      configurationFiles: KUBERNETES_CONFIGURATION_FILES,
      environment: { TOKEN_ISSUER_URL: issuer.url },
    });
  });

  /** A push with a token. Everything else is an honest agent's, unless given. */
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

  /** The series with a mark in Prometheus, with any labels. */
  async function seriesOf(mark: string): Promise<Readonly<Record<string, string>>[]> {
    const found = await parts.prometheus.query(`{source_name="${mark}"}`);
    return found.map(({ labels }) => labels);
  }

  test("accepts an agent's push, with the node of its token", async () => {
    const answer = await pushWith(
      await issuer.token({ node: "node-1" }),
      [
        marked("honest"),
        counter("chrony_clock_steps_total", { ...now(), attributes: { source_name: "honest" } }),
      ],
      nodeResource("node-1"),
    );

    assert.equal(answer.status, 200, answer.body);
    assert.deepEqual(
      new Set(await seriesOf("honest")),
      new Set(
        ["chrony_up", "chrony_clock_steps_total"].map((__name__) => ({
          __name__,
          source_name: "honest",
          ...labelsOfSender("node-1"),
        })),
      ),
    );
  });

  describe("rejects", () => {
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
        { subject: `${AGENT_SUBJECT}-2` },
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
        const mark = `stranger-${index}`;
        const token = await issuer.token({ node: "node-2", ...description });

        const answer = await pushWith(token, [marked(mark)]);

        assert.equal(answer.status, status, answer.body);
        assert.deepEqual(await seriesOf(mark), []);
      });
    }

    test("a push without a token", async () => {
      const answer = await pushWith(undefined, [marked("no token")]);

      assert.equal(answer.status, 401, answer.body);
      assert.deepEqual(await seriesOf("no token"), []);
    });

    for (const [what, token] of [
      ["no token at all", "garbage"],
      ["two dots and nothing between them", "a.b.c"],
    ] as const) {
      test(`a token that is ${what}`, async () => {
        const answer = await pushWith(token, [marked("garbage")]);

        assert.equal(answer.status, 401, answer.body);
        assert.deepEqual(await seriesOf("garbage"), []);
      });
    }

    test("a token without a signature", async () => {
      const token = new UnsecuredJWT({ "kubernetes.io": { node: { name: "node-2" } } })
        .setIssuer(issuer.url)
        .setSubject(AGENT_SUBJECT)
        .setAudience("chrony-tracker")
        .setExpirationTime("1h")
        .encode();

      const answer = await pushWith(token, [marked("unsigned")]);

      assert.equal(answer.status, 401, answer.body);
      assert.deepEqual(await seriesOf("unsigned"), []);
    });

    test("a token that is signed with another key, with the right key's id", async (t) => {
      const other = await startFakeTokenIssuer(t);
      const token = await other.token({ node: "node-2", issuer: issuer.url });

      const answer = await pushWith(token, [marked("other key")]);

      assert.equal(answer.status, 401, answer.body);
      assert.deepEqual(await seriesOf("other key"), []);
    });

    test("with a sentence that a person can act on", async () => {
      const metrics = [marked("words")];
      const foreign = await issuer.token({ node: "node-2", subject: "system:serviceaccount:a:b" });
      const old = await issuer.token({ node: undefined });

      assert.match(
        (await pushWith(foreign, metrics)).body,
        /This service account is not the agents'/,
      );
      assert.match((await pushWith(old, metrics)).body, /The token names no node/);
    });

    test("a whole push when a statement fails", async () => {
      const answer = await push(parts.collector.otlpUrl, {
        token: await issuer.token({ node: "node-2" }),
        resource: nodeResource("node-2"),
        metrics: [marked("failing")],
        // transform/offset cannot read this as a number.
        sent: "not a number",
      });

      assert.equal(answer.status, 503, answer.body);
      assert.deepEqual(await seriesOf("failing"), []);
    });
  });

  test("uses the token's node for everything, whatever the sender claims", async () => {
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
    const attributes = { ...everyForm, state: "stale", source_name: "forging" };
    const token = await issuer.token({ node: "node-3" });

    const answer = await pushAll(
      parts.collector.otlpUrl,
      ["chrony_up", "chrony_sync_state"].map((name) => ({
        resource: everyForm,
        metrics: [gauge(name, { ...now(), attributes })],
      })),
      { token, sent: sentHeader(Date.now()) },
    );

    assert.equal(answer.status, 200, answer.body);
    assert.deepEqual(
      new Set(await seriesOf("forging")),
      new Set(
        ["chrony_up", "chrony_sync_state"].map((__name__) => ({
          __name__,
          state: "stale",
          source_name: "forging",
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
    await pushWith(owner, [marked("not yours")], resource);

    const end = gauge("chrony_up", {
      timeMs: Date.now(),
      value: "ends",
      attributes: { source_name: "not yours" },
    });
    const answer = await pushWith(other, [end], resource);

    assert.equal(answer.status, 200, answer.body);
    assert.deepEqual(await seriesOf("not yours"), [
      { __name__: "chrony_up", source_name: "not yours", ...labelsOfSender("node-4") },
    ]);
  });

  test("drops points that no agent sends, and keeps the rest of the push", async () => {
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
      "chrony_tracker.sent",
      "chrony_tracker.withheld.up",
      "chrony_collector_offset_seconds",
      "chrony_tracker.other",
      "chrony_up_too",
      "otelcol_process_uptime",
    ];

    const answer = await pushWith(await issuer.token({ node: "node-6" }), [
      ...foreign.map((name) => gauge(name, now())),
      { name: "chrony_clock_error_ms", histogram },
      { name: "chrony_clock_error_bound_ms", summary },
      gauge("chrony_up", now()),
    ]);

    assert.equal(answer.status, 200, answer.body);
    const found = await parts.prometheus.query('{instance="node-6"}');
    assert.equal(found.length, 2);
    assert.deepEqual(
      new Set(found.map(({ labels: { __name__ } }) => __name__)),
      // The collector makes the second from the first.
      new Set(["chrony_up", "chrony_collector_offset_seconds"]),
    );
  });
});

describe("a collector that accepts tokens without a node", () => {
  const scope = suiteScope();
  let issuer: FakeTokenIssuer;
  let parts: CollectorWithPrometheus;

  before(async () => {
    issuer = await startFakeTokenIssuer(scope);
    parts = await startCollectorWithPrometheus(scope, {
      configurationFiles: KUBERNETES_CONFIGURATION_FILES,
      environment: { TOKEN_ISSUER_URL: issuer.url, TOKEN_WITHOUT_NODE: "accepted" },
    });
  });

  async function instanceOf(
    token: string,
    mark: string,
    resource: Record<string, string>,
  ): Promise<(string | undefined)[]> {
    await push(parts.collector.otlpUrl, { token, resource, metrics: [marked(mark)] });
    const found = await parts.prometheus.query(`{source_name="${mark}"}`);
    return found.map(({ labels }) => labels["instance"]);
  }

  test("uses the agent's own node, but no other attribute", async () => {
    const token = await issuer.token({ node: undefined });
    const resource = { ...nodeResource("node-1"), "service.instance.id": "forged" };

    assert.deepEqual(await instanceOf(token, "word", resource), ["node-1"]);
  });

  test("still uses the token's node if it has one", async () => {
    const token = await issuer.token({ node: "node-2" });

    assert.deepEqual(await instanceOf(token, "token", nodeResource("node-1")), ["node-2"]);
  });

  test("rejects a push that has no node either", async () => {
    const token = await issuer.token({ node: undefined });

    assert.deepEqual(await instanceOf(token, "nobody", {}), []);
  });

  test("still rejects other service accounts", async () => {
    const token = await issuer.token({ subject: "system:serviceaccount:default:default" });

    assert.deepEqual(await instanceOf(token, "other", nodeResource("node-1")), []);
  });
});

test("for an issuer that cannot be reached, the collector uses a file with its keys", async (t) => {
  const folder = await folderOf(t);
  const issuer = await startFakeTokenIssuer(t);
  await issuer.stop();
  const publicKeysFile = join(folder, "public-keys.json");
  await writeFile(publicKeysFile, issuer.publicKeys);
  const parts = await startCollectorWithPrometheus(t, {
    configurationFiles: KUBERNETES_CONFIGURATION_FILES,
    environment: { TOKEN_ISSUER_URL: issuer.url, TOKEN_PUBLIC_KEYS_FILE: publicKeysFile },
  });
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
