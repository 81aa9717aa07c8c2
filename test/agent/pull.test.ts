// The agent's HTTP server, over HTTP, with a real chronyd.

import assert from "node:assert/strict";
import { mkdir, rename } from "node:fs/promises";
import { createServer } from "node:http";
import { connect } from "node:net";
import { dirname } from "node:path";
import { before, describe, type TestContext, test } from "node:test";
import { parseAgentReport } from "../../src/summary/agent-report.ts";
import { type Agent, startAgent } from "../parts/agent.ts";
import { bringPrometheus, progressToStandardError } from "../parts/bring.ts";
import { startChronyd } from "../parts/chronyd.ts";
import { localReferenceConfiguration } from "../parts/chronyd-configuration.ts";
import { type Follower, startFollower } from "../parts/follower.ts";
import { freePort } from "../parts/free-port.ts";
import { listen } from "../parts/listen.ts";
import { startProcess } from "../parts/running-process.ts";
import { folderOf } from "../parts/scratch-folder.ts";
import { suiteScope } from "../parts/suite-scope.ts";
import { get, scrape, scrapeInState, waitUntilReady } from "./scrape.ts";

describe("the agent's HTTP server", () => {
  const scope = suiteScope();
  let follower: Follower;

  before(async () => {
    follower = await startFollower(scope);
  });

  function agentWith(
    t: TestContext,
    environment: Readonly<Record<string, string>> = {},
  ): Promise<Agent> {
    return startAgent(t, {
      environment: {
        CHRONY_ADDRESS: follower.address,
        OTEL_METRICS_EXPORTER: "prometheus",
        OTEL_RESOURCE_ATTRIBUTES: "k8s.node.name=node-1,k8s.namespace.name=time",
        ...environment,
      },
    });
  }

  test("/metrics is accepted by promtool, with types, help and the node's labels", async (t) => {
    const agent = await agentWith(t);
    await waitUntilReady(agent);
    const { text, names } = await scrape(agent);
    const { headers } = await get(agent, "/metrics");
    assert.equal(headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");

    for (const name of names) {
      const kind = name.endsWith("_total") ? "counter" : "gauge";
      assert.match(text, new RegExp(`^# HELP ${name} \\S.*\\.$`, "m"));
      assert.match(text, new RegExp(`^# TYPE ${name} ${kind}$`, "m"));
    }
    for (const line of text.split("\n").filter((each) => each.startsWith("chrony"))) {
      assert.match(line, /k8s_node_name="node-1",k8s_namespace_name="time"\} -?[0-9.e-]+$/);
    }

    const { promtool } = await bringPrometheus(progressToStandardError);
    const check = startProcess({
      name: "promtool",
      command: "/bin/sh",
      args: ["-c", 'printf "%s" "$TEXT" | "$PROMTOOL" check metrics'],
      env: { TEXT: text, PROMTOOL: promtool },
    });
    await check.exited;
    // Its only complaint is about style: the name of the first metric was required.
    const complaints = check
      .output()
      .split("\n")
      .filter((line) => line !== "");
    assert.deepEqual(
      complaints.filter((line) => !/^chrony_clock_error_\w*ms .*abbreviated units$/.test(line)),
      [],
    );
  });

  test("other paths are not found, other methods are not allowed, and / is a page for people", async (t) => {
    const agent = await agentWith(t);
    await waitUntilReady(agent);
    for (const path of ["/metrics/", "/metricsx", "/favicon.ico", "/..%2fmetrics", "/__proto__"]) {
      assert.equal((await get(agent, path)).status, 404, path);
    }
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
      const answer = await get(agent, "/metrics", method);
      assert.equal(answer.status, 405, method);
      assert.equal(answer.headers.get("allow"), "GET, HEAD");
    }
    assert.equal((await get(agent, "/metrics?name[]=chrony_up")).status, 200);
    const head = await get(agent, "/metrics", "HEAD");
    assert.deepEqual([head.status, head.body], [200, ""]);

    const home = await get(agent, "/");
    assert.equal(home.headers.get("content-type"), "text/html; charset=utf-8");
    assert.match(home.body, /node-1/);
    const links = [...home.body.matchAll(/href="(?<to>[^"]+)"/g)].map(
      (link) => link.groups?.["to"],
    );
    for (const link of ["metrics", "status", "livez", "readyz"]) {
      assert.ok(links.includes(link), link);
      assert.equal((await get(agent, `/${link}`)).status, 200);
    }
  });

  test("simultaneous scrapes are answered from one collection, also while chronyd hangs", async (t) => {
    const agent = await agentWith(t, {
      SLEEP_INTERVAL: "60",
      OTEL_METRIC_EXPORT_INTERVAL: "60000",
    });
    await waitUntilReady(agent);
    // Values that another collection would change: ages, and the agent's own counters.
    const texts = await Promise.all(Array.from({ length: 50 }, () => scrape(agent)));
    assert.equal(new Set(texts.map(({ text }) => text)).size, 1);

    const quick = await agentWith(t, { SLEEP_INTERVAL: "0.2" });
    await scrapeInState(quick, "synchronised");
    await follower.freeze();
    try {
      const hung = await scrapeInState(quick, "unreachable");
      assert.equal(hung.value("chrony_clock_error_ms"), undefined);
      const answers = await Promise.all(Array.from({ length: 200 }, () => get(quick, "/metrics")));
      assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
      assert.equal((await get(quick, "/livez")).status, 200);
    } finally {
      await follower.thaw();
    }
    await scrapeInState(quick, "synchronised");
  });

  test("with only otlp /metrics is not served, but the probes and /status are", async (t) => {
    const agent = await agentWith(t, {
      OTEL_METRICS_EXPORTER: "otlp",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await freePort()}`,
      // This is also the timeout of a push: a loaded machine may need more than a second to reject the connection.
      OTEL_METRIC_EXPORT_INTERVAL: "10000",
    });
    const early = await agent.process.waitUntil("an answer", () => get(agent, "/readyz"));
    assert.ok([200, 503].includes(early.status));
    // The first push is tried, and fails; that is enough.
    await waitUntilReady(agent);
    assert.equal((await get(agent, "/metrics")).status, 404);
    assert.equal((await get(agent, "/livez")).status, 200);
    const status = await get(agent, "/status");
    assert.equal(status.headers.get("content-type"), "application/json");
    const report = parseAgentReport(status.body);
    assert.ok(report.ok, status.body);
    assert.equal(report.value.node, "node-1");
    assert.equal(report.value.clock.state, "synchronised");
    assert.ok((report.value.clock.peakMs ?? 0) > 0);
    assert.match(report.value.push?.failure ?? "", /was not reached: .*ECONNREFUSED/);
    await agent.process.waitForLine(/was not reached: .*ECONNREFUSED/);
  });

  test("is not ready until the first push was answered, successfully or not", async (t) => {
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const { promise: asked, resolve: wasAsked } = Promise.withResolvers<void>();
    const fakeCollector = createServer((_, response) => {
      wasAsked();
      void released.then(() => response.writeHead(503).end());
    });
    const { port } = await listen(t, fakeCollector);
    const agent = await agentWith(t, {
      OTEL_METRICS_EXPORTER: "otlp",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
    });
    await asked;
    const early = await get(agent, "/readyz");
    assert.deepEqual([early.status, early.body], [503, "The first push has not been tried yet.\n"]);
    assert.equal((await get(agent, "/livez")).status, 200);
    release();
    await waitUntilReady(agent);
    assert.equal((await get(agent, "/readyz")).body, "ok\n");
  });

  test("a stopped chronyd is a state and not a reason to restart: ready and live", async (t) => {
    const folder = await folderOf(t);
    const agent = await agentWith(t, { CHRONY_ADDRESS: `unix://${folder}/nowhere/chronyd.sock` });
    await waitUntilReady(agent);
    assert.equal((await get(agent, "/livez")).status, 200);
    const { state, value } = await scrape(agent);
    assert.equal(state, "unreachable");
    assert.equal(value("chrony_tracker_readings_total", { result: "success" }), 0);
    await agent.process.waitForLine(/There is no socket at .*nowhere\/chronyd\.sock/);
    const faults = agent.logs().filter(({ level }) => level === "warn");
    assert.equal(faults.length, 1, JSON.stringify(faults));
  });

  test("a directory that is moved and created again is followed, if it is not a mount", async (t) => {
    const chronyd = await startChronyd(t, { configuration: localReferenceConfiguration() });
    const directory = dirname(chronyd.socketPath);
    const agent = await agentWith(t, { CHRONY_ADDRESS: chronyd.address, SLEEP_INTERVAL: "0.2" });
    await scrapeInState(agent, "local");
    await chronyd.stop();
    await rename(directory, `${directory}.old`);
    await scrapeInState(agent, "unreachable");
    await chronyd.restart();
    await scrapeInState(agent, "local");
    await chronyd.stop();
    await mkdir(directory, { recursive: true });
    assert.equal((await get(agent, "/livez")).status, 200);
  });

  test("a client that sends half a request is disconnected, and others are served meanwhile", async (t) => {
    const agent = await agentWith(t);
    await waitUntilReady(agent);
    const port = Number(new URL(agent.pullUrl).port);
    const closed = Promise.withResolvers<void>();
    const slow = connect(port, "127.0.0.1", () => slow.write("GET /metrics HTTP/1.1\r\nHost:"));
    slow.on("close", () => closed.resolve());
    slow.on("error", () => {});
    slow.resume();
    assert.equal((await get(agent, "/metrics")).status, 200);
    await closed.promise;
  });
});
