// What the collector accepts from any sender: pushes made by hand, a real collector (the version of builder.yaml) with
// the shipped configuration, outside a cluster and in one, and a real Prometheus.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import { before, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { METRICS } from "../../src/metrics/catalogue.ts";
import { isPlain } from "../../src/metrics/metric.ts";
import {
  CATALOGUE_FILE,
  catalogueConfiguration,
  LONGEST_LABEL_VALUE_BYTES,
} from "../../tools/collector/catalogue.ts";
import {
  KUBERNETES_CONFIGURATION_FILES,
  PROMETHEUS_CONFIGURATION_FILES,
} from "../parts/collector.ts";
import type { Sample } from "../parts/prometheus.ts";
import { suiteScope } from "../parts/suite-scope.ts";
import { waitFor } from "../parts/wait-for.ts";
import {
  type CollectorWithPrometheus,
  startCollectorWithPrometheus,
} from "./collector-with-prometheus.ts";
import { type FakeTokenIssuer, startFakeTokenIssuer } from "./fake-token-issuer.ts";
import {
  counter,
  encodeAttributes,
  gauge,
  type Metric,
  nodeResource,
  type PushAnswer,
  push,
  sentHeader,
} from "./otlp.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const MEBIBYTE = 1_048_576;

/** The labels of the sender's identity. */
const LABELS_OF_SENDER = [
  "cluster",
  "job",
  "instance",
  "k8s_node_name",
  "k8s_namespace_name",
] as const;

const LABELS = [
  ...new Set(METRICS.flatMap((metric) => (isPlain(metric) ? [] : metric.labels))),
].toSorted();

for (const { where, configurationFiles } of [
  { where: "outside a cluster", configurationFiles: PROMETHEUS_CONFIGURATION_FILES },
  { where: "in a cluster", configurationFiles: KUBERNETES_CONFIGURATION_FILES },
]) {
  describe(`the guards ${where}`, () => {
    const scope = suiteScope();
    let issuer: FakeTokenIssuer;
    let parts: CollectorWithPrometheus;

    before(async () => {
      issuer = await startFakeTokenIssuer(scope);
      parts = await startCollectorWithPrometheus(scope, {
        outOfOrderTimeWindow: "30m",
        configurationFiles,
        environment: { TOKEN_ISSUER_URL: issuer.url, OWN_METRICS_INTERVAL: "200" },
      });
    });

    async function pushFrom(node: string, ...metrics: Metric[]): Promise<PushAnswer> {
      return push(parts.collector.otlpUrl, {
        resource: nodeResource(node),
        metrics,
        sent: sentHeader(Date.now()),
        token: await issuer.token({ node }),
      });
    }

    async function samplesOf(name: string, node: string): Promise<readonly Sample[]> {
      const nowSeconds = Date.now() / 1_000;
      const [series] = await parts.prometheus.series(
        `${name}{k8s_node_name="${node}"}`,
        nowSeconds - 2 * 86_400,
        nowSeconds + 2 * 86_400,
      );
      return series?.samples ?? [];
    }

    const valuesOf = async (name: string, node: string) =>
      (await samplesOf(name, node)).map(({ value }) => value);

    /** The number of points that a filter has dropped. */
    async function dropped(filter: string): Promise<number | undefined> {
      const [found] = await parts.prometheus.query(
        `otelcol_processor_filter_datapoints_filtered{job="chrony-tracker-collector",filter="${filter}"}`,
      );
      return found?.value;
    }

    /** Does something, and waits until the collector reports that the filter dropped this many more points. */
    async function expectDropped(
      filter: string,
      points: number,
      act: () => Promise<void>,
    ): Promise<void> {
      // The counter exists after the first push.
      await pushFrom("counted", gauge("chrony_up", { timeMs: Date.now(), value: 1 }));
      const before = await waitFor(`what ${filter} dropped`, () => dropped(filter));
      await act();
      await waitFor(`${filter} to report ${points} more`, async () => {
        const now = await dropped(filter);
        assert.ok(now !== undefined && now <= before + points, `${now} after ${before}`);
        return now === before + points;
      });
    }

    test("a point a day ahead is dropped and counted, and harms no other node", async () => {
      const nowMs = Date.now();
      await expectDropped("filter/future", 3, async () => {
        const answer = await pushFrom(
          "rogue",
          gauge(
            "chrony_up",
            { timeMs: nowMs + DAY_MS, value: 1 },
            { timeMs: nowMs + 2 * MINUTE_MS + 10_000, value: 2 },
            { timeMs: nowMs, value: 3 },
          ),
          gauge("chrony_clock_error_ms", { timeMs: nowMs + DAY_MS, value: 4 }),
        );
        assert.equal(answer.status, 200, answer.body);
      });
      const answer = await pushFrom("other", gauge("chrony_up", { timeMs: nowMs, value: 5 }));
      assert.equal(answer.status, 200, answer.body);
      assert.deepEqual(await valuesOf("chrony_up", "rogue"), [3]);
      assert.deepEqual(await valuesOf("chrony_clock_error_ms", "rogue"), []);
      assert.deepEqual(await valuesOf("chrony_up", "other"), [5]);
    });

    test("a point less than two minutes ahead is accepted", async () => {
      const timeMs = Date.now() + 2 * MINUTE_MS - 10_000;
      await pushFrom("a-bit-ahead", gauge("chrony_up", { timeMs, value: 1 }));
      assert.deepEqual(await valuesOf("chrony_up", "a-bit-ahead"), [1]);
    });

    test("a point older than 25 minutes is dropped and counted, a newer one is accepted", async () => {
      const nowMs = Date.now();
      await expectDropped("filter/old", 1, async () => {
        const answer = await pushFrom(
          "old",
          gauge(
            "chrony_up",
            { timeMs: nowMs - 26 * MINUTE_MS, value: 1 },
            { timeMs: nowMs - 24 * MINUTE_MS, value: 2 },
          ),
        );
        assert.equal(answer.status, 200, answer.body);
      });
      assert.deepEqual(await valuesOf("chrony_up", "old"), [2]);
    });

    for (const [what, timeUnixNano] of [
      ["none", undefined],
      ["0", "0"],
      ["one beyond the largest signed number", "9223372036854775808"],
      ["the largest number", "18446744073709551615"],
      ["the largest signed number", "9223372036854775807"],
    ] as const) {
      test(`a point whose time is ${what} is dropped, and the rest of the push is accepted`, async () => {
        const node = `time-${timeUnixNano ?? "missing"}`;
        const answer = await pushFrom(
          node,
          { name: "chrony_up", gauge: { dataPoints: [{ timeUnixNano, asDouble: 1 }] } },
          gauge("chrony_clock_error_ms", { timeMs: Date.now(), value: 2 }),
        );
        assert.equal(answer.status, 200, answer.body);
        assert.deepEqual(await parts.prometheus.query(`chrony_up{k8s_node_name="${node}"}`), []);
        assert.deepEqual(await valuesOf("chrony_clock_error_ms", node), [2]);
      });
    }

    test("names and types that no agent has are dropped and counted", async () => {
      const point = { timeMs: Date.now(), value: 1 };
      const delta = { aggregationTemporality: 1, isMonotonic: true };
      await expectDropped("filter/names", 5, async () => {
        const answer = await pushFrom(
          "names",
          gauge("up", point),
          gauge("otelcol_process_uptime", point),
          gauge("chrony_up_2", { ...point, attributes: { state: "a" } }, point),
          {
            name: "chrony_clock_steps_total",
            sum: {
              ...delta,
              dataPoints: [{ timeUnixNano: `${point.timeMs}000000`, asDouble: 1 }],
            },
          },
          gauge("chrony_up", point),
        );
        assert.equal(answer.status, 200, answer.body);
      });
      const found = await parts.prometheus.query('{k8s_node_name="names"}');
      assert.deepEqual(
        new Set(found.map(({ labels: { __name__ } }) => __name__)),
        new Set(["chrony_up", "chrony_collector_offset_seconds"]),
      );
    });

    test("a push whose points are all dropped is answered like an accepted one", async () => {
      const timeMs = Date.now();
      const { status } = await pushFrom("nothing", gauge("up", { timeMs, value: 1 }));
      assert.equal(status, 200);
    });

    test("every metric and label of the agent's catalogue is accepted", async () => {
      const timeMs = Date.now();
      const attributes = Object.fromEntries(LABELS.map((label) => [label, `a ${label}`]));
      const answer = await pushFrom(
        "catalogue",
        ...METRICS.map(({ name, kind }) =>
          (kind === "counter" ? counter : gauge)(name, { timeMs, value: 1, attributes }),
        ),
      );
      assert.equal(answer.status, 200, answer.body);
      const found = await parts.prometheus.query('{k8s_node_name="catalogue"}');
      assert.deepEqual(
        new Set(found.map(({ labels: { __name__ } }) => __name__)),
        new Set([...METRICS.map(({ name }) => name), "chrony_collector_offset_seconds"]),
      );
      for (const { labels } of found) {
        if (labels["__name__"] !== "chrony_collector_offset_seconds") {
          assert.partialDeepStrictEqual(labels, attributes);
        }
      }
    });

    test("a label that no agent has is dropped, also one of the sender's identity", async () => {
      const attributes = Object.fromEntries(
        [...LABELS_OF_SENDER, "k8s.node.name", "Instance", "address"].map((name) => [
          name,
          "forged",
        ]),
      );
      await pushFrom("labels", gauge("chrony_up", { timeMs: Date.now(), value: 1, attributes }));
      const found = await parts.prometheus.query('{k8s_node_name="labels"}');
      assert.deepEqual(
        new Set(found.map(({ labels: { __name__ } }) => __name__)),
        new Set(["chrony_up", "chrony_collector_offset_seconds"]),
      );
      for (const { labels } of found) {
        assert.deepEqual(new Set(Object.keys(labels)), new Set(["__name__", ...LABELS_OF_SENDER]));
        assert.ok(!Object.values(labels).includes("forged"));
      }
    });

    test("a long label value is truncated between two characters", async () => {
      await pushFrom(
        "long",
        gauge("chrony_up", {
          timeMs: Date.now(),
          value: 1,
          attributes: {
            source_name: "x".repeat(800_000),
            // Each is 3 bytes long, and 256 is not a multiple of 3.
            source_address: "€".repeat(100),
            state: "x".repeat(LONGEST_LABEL_VALUE_BYTES),
          },
        }),
      );
      const [series] = await parts.prometheus.query('chrony_up{k8s_node_name="long"}');
      assert.partialDeepStrictEqual(series?.labels, {
        source_name: "x".repeat(LONGEST_LABEL_VALUE_BYTES),
        source_address: "€".repeat(Math.floor(LONGEST_LABEL_VALUE_BYTES / 3)),
        state: "x".repeat(LONGEST_LABEL_VALUE_BYTES),
      });
    });

    test("a label value that is not text is converted to text, and truncated as well", async () => {
      const attributes = [
        ...encodeAttributes({ source_name: "kept" }),
        { key: "state", value: { intValue: "7" } },
        { key: "reason", value: {} },
        {
          key: "result",
          value: {
            arrayValue: { values: Array.from({ length: 500 }, () => ({ stringValue: "long" })) },
          },
        },
        { key: "version", value: { kvlistValue: { values: encodeAttributes({ a: "b" }) } } },
      ];
      const timeUnixNano = `${Date.now()}000000`;
      const answer = await pushFrom("no-text", {
        name: "chrony_up",
        gauge: { dataPoints: [{ timeUnixNano, asDouble: 1, attributes }] },
      });
      assert.equal(answer.status, 200, answer.body);
      const [series] = await parts.prometheus.query('chrony_up{k8s_node_name="no-text"}');
      assert.partialDeepStrictEqual(series?.labels, {
        source_name: "kept",
        state: "7",
        version: '{"a":"b"}',
      });
      assert.equal(series?.labels["result"]?.length, LONGEST_LABEL_VALUE_BYTES);
    });

    for (const [what, encode, headers] of [
      ["a body", (body: string) => body, {}],
      ["a compressed body", (body: string) => gzipSync(body), { "content-encoding": "gzip" }],
    ] as const) {
      test(`${what} above 1 MiB, uncompressed, is rejected with 400`, async () => {
        const token = await issuer.token({ node: "large" });
        const pushOf = async (bytes: number) => {
          const response = await fetch(`${parts.collector.otlpUrl}/v1/metrics`, {
            method: "POST",
            headers: {
              "content-type": "application/json",
              authorization: `Bearer ${token}`,
              ...headers,
            },
            body: encode(`{${" ".repeat(bytes - 2)}}`),
          });
          return response.status;
        };
        assert.equal(await pushOf(MEBIBYTE), 200);
        assert.equal(await pushOf(MEBIBYTE + 1), 400);
        assert.equal(await pushOf(50 * MEBIBYTE), 400);
      });
    }

    for (const [what, begin] of [
      ["says nothing", ""],
      ["does not end its headers", "POST /v1/metrics HTTP/1.1\r\nHost: a\r\nX: "],
    ] as const) {
      test(`a connection that ${what} is closed`, async () => {
        const { hostname, port } = new URL(parts.collector.otlpUrl);
        const socket = connect(Number(port), hostname);
        const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
        socket.on("error", () => undefined);
        socket.write(begin);
        socket.resume();
        await closed;
      });
    }
  });
}

test("the collector's names and labels are those of the agent's catalogue (npm run collector)", async () => {
  const file = new URL(`../../${CATALOGUE_FILE}`, import.meta.url);
  assert.equal(await readFile(file, "utf8"), catalogueConfiguration());
});

test("no label of the catalogue is one of the sender's identity", () => {
  for (const label of ["__name__", "le", "quantile", ...LABELS_OF_SENDER]) {
    assert.ok(!LABELS.includes(label), label);
  }
});
