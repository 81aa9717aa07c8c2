// The report and its backend: a real Prometheus with samples and staleness markers by remote write, and in front of it a
// fake of Azure's query endpoint with its token and limits.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import {
  bitsOf,
  encodeWriteRequest,
  packBody,
  STALE_MARKER_BITS,
  type TimeSeries,
} from "../azure/remote-write.ts";
import {
  type CertificateAuthority,
  createCertificateAuthority,
} from "../parts/certificate-authority.ts";
import { type Prometheus, startPrometheus } from "../parts/prometheus.ts";
import { folderOf } from "../parts/scratch-folder.ts";
import { suiteScope } from "../parts/suite-scope.ts";
import { type FakeQueryDescription, startFakeQueryEndpoint } from "./fake-query-endpoint.ts";
import { type Collection, linesOf } from "./played-month.ts";
import { type ReportJson, reportJson, runReport, startReport } from "./run-report.ts";

const START_MS = Date.parse("2025-11-02T00:00:00Z");
const at = (seconds: number) => new Date(START_MS + seconds * 1000).toISOString();
const TOKEN = "eyJ0eXAi.a-secret.of-azure";
const HOUR = [`--from=${at(0)}`, `--to=${at(3600)}`, "--within=10"];

/**
 * An hour, with a collection every 30 s. chronyd does not answer from 601 s to 899 s: the absent series end with a
 * staleness marker. The agent restarts between 1800 and 1830 s. From 2400 to 2700 s nothing arrives.
 */
function collectionAt(seconds: number): Collection | undefined {
  if (seconds > 2400 && seconds < 2700) {
    return undefined;
  }
  const readings = seconds < 1830 ? seconds + 100 : seconds - 1815;
  if (seconds > 600 && seconds < 900) {
    return { state: "unreachable", steps: 0, readings };
  }
  const source = { name: "PHC0", address: "PHC0" };
  return { peak: seconds === 3000 ? 25 : 0.05, state: "synchronised", steps: 0, readings, source };
}

/** The hour as remote write, with a staleness marker after each series' last sample before a gap. */
function writtenSeries(): TimeSeries[] {
  const series = new Map<
    string,
    { labels: Record<string, string>; samples: TimeSeries["samples"][number][] }
  >();
  let last = new Set<string>();
  const labels = { cluster: "blue", job: "chrony-tracker", instance: "n-1", k8s_node_name: "n-1" };
  for (let seconds = -30; seconds <= 3600; seconds += 30) {
    const collection = collectionAt(seconds);
    if (collection === undefined) {
      continue;
    }
    const timeMs = START_MS + seconds * 1000;
    const present = new Set<string>();
    for (const line of linesOf(collection, labels)) {
      const [, key = "", value] = /^(.*) (\S+)$/.exec(line) ?? [];
      present.add(key);
      addSample(key, { timeMs, valueBits: bitsOf(Number(value)) });
    }
    for (const key of last) {
      if (!present.has(key)) {
        addSample(key, { timeMs, valueBits: STALE_MARKER_BITS });
      }
    }
    last = present;
  }
  return [...series.values()];

  function addSample(key: string, sample: TimeSeries["samples"][number]): void {
    const [name = "", rest = ""] = key.split("{");
    const pairs = [...rest.matchAll(/(\w+)="([^"]*)"/g)].map(
      ([, label = "", value = ""]) => [label, value] as const,
    );
    const sorted = [["__name__", name] as const, ...pairs].toSorted(([a], [b]) => (a < b ? -1 : 1));
    const one = series.get(key) ?? { labels: Object.fromEntries(sorted), samples: [] };
    series.set(key, one);
    one.samples.push(sample);
  }
}

describe("the report of an hour", () => {
  const scope = suiteScope();
  let prometheus: Prometheus;
  let authority: CertificateAuthority;
  let folder: string;
  let direct: ReportJson;
  let runs = 0;

  before(async () => {
    folder = await folderOf(scope);
    prometheus = await startPrometheus(scope);
    const written = await fetch(prometheus.remoteWriteUrl, {
      method: "POST",
      headers: { "content-encoding": "snappy", "content-type": "application/x-protobuf" },
      body: packBody(encodeWriteRequest(writtenSeries())) as Uint8Array<ArrayBuffer>,
    });
    assert.equal(written.status, 204, await written.text());
    authority = await createCertificateAuthority("report tests");
    await writeFile(join(folder, "ca.pem"), authority.certificate);
    await writeFile(join(folder, "token"), `${TOKEN}\n`);
    const run = await runReport(folder, [`--prometheus=${prometheus.url}`, ...HOUR]);
    assert.deepEqual([run.code, run.stderr], [0, ""]);
    direct = await reportJson(folder);
  });

  /** The fake Azure, with TLS and the token. */
  async function askAzure(
    t: Parameters<typeof startFakeQueryEndpoint>[0],
    more: Partial<FakeQueryDescription> = {},
    args: readonly string[] = [],
  ) {
    const endpoint = await startFakeQueryEndpoint(t, {
      backendUrl: prometheus.url,
      certificate: await authority.issue({ commonName: "azure", serves: ["127.0.0.1"] }),
      token: TOKEN,
      ...more,
    });
    const output = `run-${++runs}`;
    const run = await runReport(folder, [
      `--prometheus=${endpoint.url}`,
      "--bearer-token-file=token",
      "--ca-file=ca.pem",
      `--output=${output}`,
      ...HOUR,
      ...args,
    ]);
    const json = run.code === 0 ? await reportJson(folder, output) : undefined;
    return { endpoint, run, json, output };
  }

  test("counts the time after a staleness marker, a restart and a gap as not known", () => {
    const [node] = direct.nodes;
    // The peak ended after 600 s and came back at 900 s; the time between is not known. The restart: 1800 to 1830.
    // The gap: 2400 to 2700, of which the peak at 2700 covers the last 60 s.
    assert.equal(node?.["not_known_seconds"], 300 + 30 + 240);
    assert.equal(node?.["above_seconds"], 30);
    assert.equal(node?.["within_seconds"], 3600 - 570 - 30);
    assert.equal(node?.["agent_restarts"], 1);
    const { synchronised, unreachable, not_known } = node?.state_seconds ?? {};
    assert.equal(unreachable, 300);
    assert.equal(not_known, 30 + 300);
    assert.equal(synchronised, 3600 - 300 - 330);
    assert.deepEqual(direct.exceedances, [
      {
        cluster: "blue",
        node: "n-1",
        from: at(2970),
        to: at(3000),
        seconds: 30,
        largest_error_ms: 25,
        largest_error_at: at(3000),
      },
    ]);
  });

  test("has the SHA-256 of the samples by the rules of docs/report.md", async () => {
    const metrics = [
      "chrony_clock_error_peak_ms",
      "chrony_sync_state",
      "chrony_clock_steps_total",
      "chrony_tracker_readings_total",
      "chrony_tracking_info",
    ];
    let text = "";
    for (const metric of metrics) {
      const series = await prometheus.series(metric, START_MS / 1000 - 60, START_MS / 1000 + 3660);
      const texts = series.map(({ labels: { __name__, ...labels }, samples }) => {
        const pairs = Object.keys(labels)
          .toSorted()
          .map((name) => `${name}="${labels[name]?.toLowerCase()}"`);
        const name = `${__name__}{${pairs.join(",")}}`;
        return samples
          .filter(({ timestampSeconds }) => timestampSeconds > START_MS / 1000 - 60)
          .map(({ value, timestampSeconds }) => `${name} ${value} ${timestampSeconds}.000\n`)
          .join("");
      });
      text += texts.toSorted().join("");
    }
    const sha256 = createHash("sha256").update(`${text}# EOF\n`).digest("hex");
    assert.equal(direct.data.sha256, sha256);
  });

  test("is this JSON", async () => {
    const golden = await readFile(new URL("hour.golden.txt", import.meta.url), "utf8");
    const text = await readFile(join(folder, "chrony-report.json"), "utf8");
    const stable = text
      .replace(/"version": ".*"/, '"version": "VERSION"')
      .replace(/"made": ".*"/, '"made": "TIME"')
      .replace(prometheus.url, "URL");
    assert.equal(stable, golden);
  });

  test("is the same from Azure, with a token", async (t) => {
    const { run, json, endpoint } = await askAzure(t);
    assert.deepEqual([run.code, run.stderr], [0, ""]);
    assert.deepEqual(json?.nodes, direct.nodes);
    assert.equal(json?.data.sha256, direct.data.sha256);
    assert.ok(endpoint.answers.every(({ status }) => status === 200));
  });

  test("is the same when Azure throttles, and returns labels in any case", async (t) => {
    const { run, json, endpoint } = await askAzure(t, {
      throttleEvery: 3,
      changesCase: true,
      mostSamples: 100,
    });
    assert.deepEqual([run.code, run.stderr], [0, ""]);
    assert.equal(json?.nodes.length, 1);
    assert.equal(json?.nodes[0]?.["within_seconds"], direct.nodes[0]?.["within_seconds"]);
    assert.deepEqual(json?.nodes[0]?.state_seconds, direct.nodes[0]?.state_seconds);
    assert.equal(json?.data.sha256, direct.data.sha256);
    assert.ok(endpoint.answers.some(({ status }) => status === 429));
  });

  test("is the same in smaller pieces, if a query is too large", async (t) => {
    const { run, json, endpoint } = await askAzure(t, { mostSamples: 100 });
    assert.deepEqual([run.code, run.stderr], [0, ""]);
    assert.ok(endpoint.answers.some(({ status }) => status === 422));
    assert.deepEqual(json?.nodes, direct.nodes);
    assert.equal(json?.data.sha256, direct.data.sha256);
    const states = json?.data.queries.find(({ query }) => query.includes("sync_state"));
    assert.ok((states?.requests ?? 0) >= 8, JSON.stringify(states));
  });

  test("has the backend's warnings", async (t) => {
    const warnings = ["one store did not answer <b>"];
    const { json, run, output } = await askAzure(t, { warnings });
    assert.deepEqual(json?.data.warnings, warnings);
    assert.ok(run.stdout.includes(`${warnings[0]}\n`), run.stdout);
    const page = await readFile(join(folder, `${output}.html`), "utf8");
    assert.ok(page.includes("The backend warns: one store did not answer &#60;b&#62;"));
  });

  test("does not contain its token", async (t) => {
    const { run } = await askAzure(t, {
      instead: () => ({
        status: 403,
        body: JSON.stringify({ status: "error", error: `no right for ${TOKEN}` }),
      }),
    });
    assert.equal(run.code, 1);
    assert.match(
      run.stderr,
      /^https:\/\/127\.0\.0\.1:\d+ answered with HTTP status 403: no right for …\. .*Monitoring Data Reader.*\n$/,
    );
    const { output, run: written } = await askAzure(t);
    for (const suffix of [".html", ".json", "-nodes.csv", "-exceedances.csv"]) {
      const text = await readFile(join(folder, output + suffix), "utf8");
      assert.ok(!text.includes("a-secret"), suffix);
    }
    assert.ok(!(written.stdout + written.stderr).includes("a-secret"));
  });

  test("reads its token again for each request", async (t) => {
    const token = join(folder, "rotated");
    await writeFile(token, TOKEN);
    const { run, endpoint } = await askAzure(
      t,
      {
        token: undefined,
        instead: (_, count, authorization) => {
          writeFileSync(token, `token-${count + 1}`);
          const expected = count === 1 ? TOKEN : `token-${count}`;
          return authorization === `Bearer ${expected}` ? undefined : { status: 401, body: "" };
        },
      },
      ["--bearer-token-file=rotated"],
    );
    assert.deepEqual([run.code, run.stderr], [0, ""]);
    assert.ok(endpoint.answers.length > 10);
  });

  const fails: [string, Partial<FakeQueryDescription>, readonly string[], RegExp][] = [
    [
      "a token that is not accepted",
      { token: "another" },
      [],
      /answered with HTTP status 401: The access token is invalid\. Give a valid token with --bearer-token-file/,
    ],
    [
      "a token file that does not exist",
      {},
      ["--bearer-token-file=missing"],
      /^missing cannot be read: ENOENT\.\n$/,
    ],
    [
      "an authority that is not the server's",
      {},
      ["--ca-file=token"],
      /cannot be reached: .*--ca-file/,
    ],
    [
      "a backend that stays busy",
      {
        throttleEvery: 1,
        instead: () => ({ status: 429, headers: { "retry-after": "0" }, body: "" }),
      },
      [],
      /answered 6 times in a row with HTTP status 429\. Try again later\.\n$/,
    ],
    [
      "a backend that asks to wait for an hour",
      { instead: () => ({ status: 503, headers: { "retry-after": "3600" }, body: "" }) },
      [],
      /answered with HTTP status 503: it asks to wait 3600 s\./,
    ],
    [
      "a page instead of an API",
      { instead: () => ({ status: 200, body: "<html>log in</html>" }) },
      [],
      /answered with something else than Prometheus' HTTP API: no JSON\./,
    ],
    [
      "a result of another form",
      {
        instead: () => ({
          status: 200,
          body: '{"status":"success","data":{"result":[{"metric":{"a":1},"values":[[1,2]]}]}}',
        }),
      },
      [],
      /something else than Prometheus' HTTP API: a result of another form\./,
    ],
    [
      "a redirect",
      { instead: () => ({ status: 302, headers: { location: "https://elsewhere" }, body: "" }) },
      [],
      /answered with HTTP status 302\. Redirects are not followed/,
    ],
    [
      "a backend that gives not even a minute",
      { mostSamples: 0 },
      [],
      /gives no more than one minute of one group of nodes at once, or less: query returns too many samples\./,
    ],
  ];
  for (const [name, more, args, sentence] of fails) {
    test(`${name} is reported in a sentence, and leaves no file`, async (t) => {
      const { run, output } = await askAzure(t, more, args);
      assert.equal(run.code, 1);
      assert.match(run.stderr, sentence);
      assert.equal(run.stderr.trimEnd().split("\n").length, 1);
      await assert.rejects(readFile(join(folder, `${output}.html`)), { code: "ENOENT" });
    });
  }

  test("a signal ends it, and leaves no file", async (t) => {
    const never = Promise.withResolvers<undefined>();
    const asked = Promise.withResolvers<undefined>();
    const endpoint = await startFakeQueryEndpoint(t, {
      backendUrl: prometheus.url,
      instead() {
        asked.resolve(undefined);
        return { status: 200, body: "", after: never.promise };
      },
    });
    const output = join(folder, "ended");
    const running = startReport(folder, [
      `--prometheus=${endpoint.url}`,
      "--output=ended",
      "--samples",
      ...HOUR,
    ]);
    await asked.promise;
    assert.equal(await readFile(`${output}.html`, "utf8"), "");
    running.kill("SIGINT");
    assert.equal((await running.ended).signal, "SIGINT");
    const left = (await readdir(folder)).filter((name) => name.startsWith("ended"));
    assert.deepEqual(left, []);
  });

  test("a backend that cannot be reached is reported in a sentence", async () => {
    const run = await runReport(folder, [
      "--prometheus=http://127.0.0.1:1",
      "--output=gone",
      ...HOUR,
    ]);
    assert.equal(run.code, 1);
    assert.match(run.stderr, /^http:\/\/127\.0\.0\.1:1 cannot be reached: ECONNREFUSED\./);
  });
});
