// The shipped configuration, read by the real collector: the version of builder.yaml.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { bringCollector, progressToStandardError } from "../parts/bring.ts";
import {
  effectiveCollectorConfiguration,
  KUBERNETES_CONFIGURATION_FILES,
  KUBERNETES_CONFIGURATION_FILES_WITH_TLS,
  PROMETHEUS_CONFIGURATION_FILES,
  startCollector,
  validateCollectorConfiguration,
} from "../parts/collector.ts";
import { runToEnd } from "../parts/run-to-end.ts";
import { folderOf } from "../parts/scratch-folder.ts";
import { startFakeBackend } from "./fake-backend.ts";
import { gauge, nodeResource, push } from "./otlp.ts";

/** The processors after the sender's identity, in order. */
const AFTER_IDENTITY = [
  "filter/names",
  "filter/future",
  "filter/old",
  "transform/labels",
  "transform/offset",
];

/** The pipeline of the collector's own metrics. */
const OWN_PIPELINE = {
  receivers: ["otlp/own"],
  processors: ["filter/own"],
  exporters: ["prometheus_remote_write"],
};

const SETTINGS = {
  CLUSTER_NAME: "blue",
  REMOTE_WRITE_URL: "http://127.0.0.1:9090/api/v1/write",
};

describe("the collector's configuration", () => {
  let collector: string;

  before(async () => {
    collector = await bringCollector(progressToStandardError);
  });

  const validate = (environment: Record<string, string>) =>
    validateCollectorConfiguration(collector, PROMETHEUS_CONFIGURATION_FILES, environment);
  const effective = (environment: Record<string, string>) =>
    effectiveCollectorConfiguration(collector, PROMETHEUS_CONFIGURATION_FILES, environment);

  test("is accepted with the two settings that have no default", async () => {
    await validate(SETTINGS);
  });

  for (const [variable, complaint] of [
    ["REMOTE_WRITE_URL", /failed to create "prometheus_remote_write".*invalid endpoint/],
    ["CLUSTER_NAME", /failed to create "prometheus_remote_write".*external labels.*empty/],
  ] as const) {
    const { [variable]: _, ...without } = SETTINGS;

    test(`is rejected without ${variable}, and when it is empty`, async () => {
      await assert.rejects(validate(without), complaint);
      await assert.rejects(validate({ ...without, [variable]: "" }), complaint);
    });

    test(`does not start without ${variable}, and names the variable`, async (t) => {
      const folder = await folderOf(t);
      const start = runToEnd({
        name: "the collector",
        command: collector,
        args: PROMETHEUS_CONFIGURATION_FILES.flatMap((file) => ["--config", file]),
        env: without,
        cwd: folder,
        timeoutMs: 10_000,
      });
      await assert.rejects(start, (error: Error) => {
        assert.match(error.message, new RegExp(`unset environment variable.*"${variable}"`));
        assert.match(error.message, complaint);
        return true;
      });
    });
  }

  test("runs these processors in this order", async () => {
    const { service } = await effective(SETTINGS);
    assert.deepEqual(service.pipelines, {
      metrics: {
        receivers: ["otlp"],
        processors: ["memory_limiter", ...AFTER_IDENTITY],
        exporters: ["prometheus_remote_write"],
      },
      "metrics/own": OWN_PIPELINE,
    });
    assert.deepEqual(service.extensions, ["health_check"]);
  });

  test("in a cluster, runs the same, and checks the sender between them", async () => {
    const inCluster = { ...SETTINGS, TOKEN_ISSUER_URL: "https://issuer.example" };
    const { service, receivers } = await effectiveCollectorConfiguration(
      collector,
      KUBERNETES_CONFIGURATION_FILES,
      inCluster,
    );

    assert.deepEqual(service.pipelines, {
      metrics: {
        receivers: ["otlp"],
        processors: ["memory_limiter", "transform/identity", ...AFTER_IDENTITY],
        exporters: ["prometheus_remote_write"],
      },
      "metrics/own": OWN_PIPELINE,
    });
    assert.deepEqual(service.extensions, ["health_check", "oidc"]);
    assert.partialDeepStrictEqual(receivers, {
      otlp: { protocols: { http: { auth: { authenticator: "oidc" }, include_metadata: true } } },
    });
  });

  test("with TLS, still requires a token", async () => {
    const tls = { TLS_CERTIFICATE_FILE: "/tls.crt", TLS_KEY_FILE: "/tls.key" };
    const { receivers } = await effectiveCollectorConfiguration(
      collector,
      KUBERNETES_CONFIGURATION_FILES_WITH_TLS,
      { ...SETTINGS, ...tls, TOKEN_ISSUER_URL: "https://issuer.example" },
    );

    assert.partialDeepStrictEqual(receivers, {
      otlp: {
        protocols: {
          http: {
            auth: { authenticator: "oidc" },
            tls: { cert_file: "/tls.crt", key_file: "/tls.key" },
          },
        },
      },
    });
  });

  test("in a cluster, does not start without the token's issuer", async () => {
    await assert.rejects(
      validateCollectorConfiguration(collector, KUBERNETES_CONFIGURATION_FILES, SETTINGS),
      /oidc.*no IssuerURL provided/s,
    );
  });

  test("listens at a cluster's ports by default", async () => {
    assert.partialDeepStrictEqual(await effective(SETTINGS), {
      receivers: {
        otlp: { protocols: { http: { endpoint: "0.0.0.0:4318" } } },
        "otlp/own": { protocols: { http: { endpoint: "127.0.0.1:4319" } } },
      },
      extensions: { health_check: { endpoint: "0.0.0.0:13133" } },
      service: { telemetry: { metrics: { readers: [readerTo(4319)] } } },
    });
    const elsewhere = {
      ...SETTINGS,
      OTLP_LISTEN_ADDRESS: "127.0.0.1:1",
      HEALTH_LISTEN_ADDRESS: "127.0.0.1:2",
      OWN_METRICS_PORT: "3",
    };
    assert.partialDeepStrictEqual(await effective(elsewhere), {
      receivers: {
        otlp: { protocols: { http: { endpoint: "127.0.0.1:1" } } },
        "otlp/own": { protocols: { http: { endpoint: "127.0.0.1:3" } } },
      },
      extensions: { health_check: { endpoint: "127.0.0.1:2" } },
      service: { telemetry: { metrics: { readers: [readerTo(3)] } } },
    });
  });

  test("limits what one connection can hold, at each of its ports", async () => {
    const bounds = { max_request_body_size: 1_048_576, read_header_timeout: "5s" };
    const ofPush = { ...bounds, read_timeout: "20s", write_timeout: "40s" };
    assert.partialDeepStrictEqual(await effective(SETTINGS), {
      receivers: {
        otlp: { protocols: { http: { ...ofPush, idle_timeout: "1m5s" } } },
        "otlp/own": { protocols: { http: ofPush } },
      },
      extensions: {
        health_check: { read_header_timeout: "5s", read_timeout: "5s", write_timeout: "5s" },
      },
    });
  });

  test("accepts points up to the configured age", async () => {
    const [asShipped, asTold] = [
      JSON.stringify(await effective(SETTINGS)),
      JSON.stringify(await effective({ ...SETTINGS, OLDEST_POINT: "1h" })),
    ];
    assert.match(asShipped, /datapoint\.time < Now\(\) - Duration\(\\"25m\\"\)/);
    assert.match(asTold, /Now\(\) - Duration\(\\"1h\\"\)/);
  });

  test("limits its memory to 200 MiB by default", async () => {
    assert.partialDeepStrictEqual(await effective(SETTINGS), {
      processors: { memory_limiter: { limit_mib: 200 } },
    });
    assert.partialDeepStrictEqual(await effective({ ...SETTINGS, MEMORY_LIMIT_MIB: "400" }), {
      processors: { memory_limiter: { limit_mib: 400 } },
    });
  });

  test("takes a header for the backend from a user's file", async (t) => {
    const folder = await folderOf(t);
    const backend = await startFakeBackend(t);
    const [common, catalogue, exporter, service] = PROMETHEUS_CONFIGURATION_FILES;
    const ownFile = join(folder, "own.yaml");
    // As in otel-collector/README.md.
    await writeFile(
      ownFile,
      `exporters:
  prometheus_remote_write:
    http:
      headers:
        Authorization: Bearer \${env:BACKEND_TOKEN}
`,
    );
    const running = await startCollector(t, {
      remoteWriteUrl: backend.remoteWriteUrl,
      environment: { BACKEND_TOKEN: "secret" },
      configurationFiles: [common, catalogue, exporter, ownFile, service],
    });

    const timeMs = Date.now();
    const { status } = await push(running.otlpUrl, {
      resource: nodeResource("node-1"),
      metrics: [gauge("chrony_up", { timeMs, value: 1 })],
    });

    assert.equal(status, 200);
    assert.deepEqual(
      backend.writes.map(({ authorization }) => authorization),
      ["Bearer secret"],
    );
  });
});

/** The reader that sends the collector's own metrics to itself. */
function readerTo(port: number): object {
  const endpoint = `http://127.0.0.1:${port}/v1/metrics`;
  return {
    periodic: { interval: 30_000, exporter: { otlp: { protocol: "http/protobuf", endpoint } } },
  };
}
