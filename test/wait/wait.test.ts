// `chrony-tracker wait` as a process, with real chronyds and real agents, and with fakes for answers that no agent gives.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import type { RequestListener } from "node:http";
import { dirname } from "node:path";
import { before, describe, test } from "node:test";
import { agentReportText } from "../../src/summary/agent-report.ts";
import { get, scrapeInState } from "../agent/scrape.ts";
import { startAgent, startAgentBeside } from "../parts/agent.ts";
import { startChronyd } from "../parts/chronyd.ts";
import {
  followerConfiguration,
  localReferenceConfiguration,
  neverSynchronisedConfiguration,
} from "../parts/chronyd-configuration.ts";
import { type Follower, startFollower } from "../parts/follower.ts";
import { freePort, freeUdpPort } from "../parts/free-port.ts";
import { suiteScope } from "../parts/suite-scope.ts";
import { startFakeAgent } from "../status/fake-agent.ts";
import { agentReportOf, factsOf } from "../summary/facts.ts";
import { runWait, startWait } from "./run-wait.ts";

/** More than the error of a healthy clock on a loaded machine. */
const WITHIN_ANY = "--within=86400000";

/** Long enough to end only by the awaited condition. */
const LONG = "--timeout=600";
const ONCE = "--timeout=0";

const NAMESPACE = ["unshare", "--pid", "--fork", "--kill-child"] as const;
const hasNamespaces = spawnSync(NAMESPACE[0], [...NAMESPACE.slice(1), "true"]).status === 0;

describe("wait", () => {
  const scope = suiteScope();
  let follower: Follower;

  before(async () => {
    follower = await startFollower(scope);
  });

  test("asks chronyd, and ends with 0 at once when its clock is good enough", async (t) => {
    const { code, output } = await runWait(t, [WITHIN_ANY, ONCE], {
      CHRONY_ADDRESS: follower.address,
    });
    assert.equal(code, 0, output);
    assert.match(
      output,
      /^Synchronised, and the (bound|error) of [\d.<]+ ms is within 86400000 ms\.$/,
    );
    assert.deepEqual(await readdir(dirname(follower.socketPath)), ["chronyd.sock"]);
  });

  test("ends with 1 at the timeout, by the bound and with the reason", async (t) => {
    const wrong = await startFollower(t, { offsetSeconds: 2 });
    const { code, output } = await runWait(t, ["--within", "1000", "--timeout", "0.2"], {
      CHRONY_ADDRESS: wrong.address,
    });
    assert.equal(code, 1, output);
    const lines = output.split("\n");
    // On a loaded machine the first answer may take the whole time.
    assert.ok(lines.length <= 2, output);
    assert.match(
      lines.at(-1) ?? "",
      /^Timed out after 0\.2 s\. The bound of \d+\.\d{3} ms is above/,
    );
  });

  test("never accepts a clock whose error is not known", async (t) => {
    const lonely = await startChronyd(t, { configuration: localReferenceConfiguration() });
    const { code, output } = await runWait(t, [WITHIN_ANY, ONCE], {
      CHRONY_ADDRESS: lonely.address,
    });
    assert.equal(code, 1, output);
    assert.match(output, /^Timed out after 0 s\. The state is local, not synchronised\. /);
  });

  test("waits while chronyd has no source, and while it is away, until it is synchronised", async (t) => {
    const silentPort = await freeUdpPort();
    const chronyd = await startChronyd(t, {
      configuration: neverSynchronisedConfiguration(silentPort),
    });
    const waiting = startWait(t, [WITHIN_ANY, LONG], { CHRONY_ADDRESS: chronyd.address });
    await waiting.waitForLine(/^Waiting\. The state is unsynchronised/);
    await chronyd.stop();
    await waiting.waitForLine(/^Waiting\. There is no socket at /);
    await chronyd.restart(followerConfiguration(follower.server.ntpPort));
    assert.equal((await waiting.exited).code, 0, waiting.output());
    assert.match(waiting.output(), /\nSynchronised, and the (bound|error) of [^\n]+$/);
  });

  test("waits until the agent starts, and through a restart of it", async (t) => {
    const silentPort = await freeUdpPort();
    const chronyd = await startChronyd(t, {
      configuration: neverSynchronisedConfiguration(silentPort),
    });
    const port = String(await freePort());
    const settings = {
      OTEL_EXPORTER_PROMETHEUS_HOST: "127.0.0.1",
      OTEL_EXPORTER_PROMETHEUS_PORT: port,
    };
    const waiting = startWait(t, [WITHIN_ANY, LONG, "--agent", `http://127.0.0.1:${port}`]);
    await waiting.waitForLine(/^Waiting\. No agent listens at http:\/\/127\.0\.0\.1:\d+\/\.$/);
    const first = await startAgentBeside(t, chronyd, settings);
    await waiting.waitForLine(/^Waiting\. The state is unsynchronised/);
    await first.stop();
    await waiting.waitUntil("the agent to be missed", () => {
      const lines = waiting.output().match(/^Waiting\. No agent (listens|answers) at /gm);
      return (lines?.length ?? 0) > 1;
    });
    const second = await startAgentBeside(t, follower, settings);
    assert.equal((await waiting.exited).code, 0, waiting.output());
    assert.match(waiting.output(), /\nSynchronised, and the (peak|bound|error) of [^\n]+$/);
    assert.equal((await get(second, `/synchronised?within=86400000`)).status, 200);
  });

  test("waits while the agent's chronyd does not answer, however small the error was", async (t) => {
    const chronyd = await startFollower(t, { server: follower.server });
    const agent = await startAgentBeside(t, chronyd);
    await scrapeInState(agent, "synchronised");
    await chronyd.freeze();
    await scrapeInState(agent, "unreachable");
    const waiting = startWait(t, [WITHIN_ANY, LONG, "--agent", agent.pullUrl]);
    await waiting.waitForLine(/^Waiting\. The state is unreachable/);
    await chronyd.thaw();
    assert.equal((await waiting.exited).code, 0, waiting.output());
  });

  test("judges by the agent's peak, not by the current bound", async (t) => {
    const clock = factsOf({ errorMs: 0.03, boundMs: 0.04, peakMs: 75 });
    const port = await startFakeAgent(t, (_, response) => {
      response.end(agentReportText(agentReportOf({ clock })));
    });
    const url = `http://127.0.0.1:${port}`;
    const above = await runWait(t, ["--within=50", ONCE, "--agent", url]);
    assert.deepEqual(
      [above.code, above.output],
      [1, "Timed out after 0 s. The peak of 75.000 ms is above 50 ms."],
    );
    assert.equal((await runWait(t, ["--within=75", ONCE, "--agent", url])).code, 0);
  });

  const others: readonly (readonly [string, RequestListener, RegExp])[] = [
    [
      "that answers everything with 200",
      (_, response) => response.end("Synchronised, and the peak of 0.1 ms is within 50 ms.\n"),
      /something else than a report: it is not JSON/,
    ],
    [
      "that sends a page",
      (_, response) => response.end("<!doctype html>\u001b[2J"),
      /something else than a report: it is not JSON/,
    ],
    [
      "that sends JSON of its own",
      (_, response) => response.end('{"status":"ok","format":1}'),
      /something else than a report: the report\.version is missing/,
    ],
    [
      "whose report says that null is the error",
      (_, response) =>
        response.end(agentReportText(agentReportOf({ clock: factsOf({ errorMs: undefined }) }))),
      /The error of the clock is not known\.$/,
    ],
    [
      "that redirects to a good one",
      (_, response) => response.writeHead(302, { location: "http://127.0.0.1/status" }).end(),
      /HTTP status 302/,
    ],
    ["without such a path", (_, response) => response.writeHead(404).end(), /HTTP status 404/],
    [
      "that has not asked chronyd yet",
      (_, response) => response.writeHead(503).end(),
      /has not asked chronyd yet\.$/,
    ],
    ["that never answers", () => {}, /was not answered within 2000 ms\.$/],
    ["that answers half", (_, response) => response.write('{"format":'), /not answered within/],
    ["that hangs up", (_, response) => response.destroy(), /\(ECONNRESET\)\.$/],
  ];
  for (const [what, answer, sentence] of others) {
    test(`does not accept a server ${what}`, async (t) => {
      const port = await startFakeAgent(t, answer);
      const { code, output } = await runWait(t, [
        WITHIN_ANY,
        ONCE,
        "--agent",
        `http://127.0.0.1:${port}`,
      ]);
      assert.equal(code, 1, output);
      assert.match(output, sentence);
      assert.ok(!output.includes("\u001b"));
    });
  }

  test("needs no settings and no chronyd if an agent is asked", async (t) => {
    const agent = await startAgent(t, {
      environment: { CHRONY_ADDRESS: follower.address, OTEL_METRICS_EXPORTER: "prometheus" },
    });
    const { code, output } = await runWait(t, [WITHIN_ANY, LONG, "--agent", `${agent.pullUrl}/`], {
      CHRONY_ADDRESS: "nonsense",
    });
    assert.equal(code, 0, output);
  });

  for (const [signal, code] of [
    ["SIGTERM", 143],
    ["SIGINT", 130],
    ["SIGHUP", 129],
  ] as const) {
    test(`ends with ${code} by ${signal}, at once and without a socket file`, async (t) => {
      const lonely = await startChronyd(t, { configuration: localReferenceConfiguration() });
      const waiting = startWait(t, [WITHIN_ANY, LONG], { CHRONY_ADDRESS: lonely.address });
      await waiting.waitForLine(/^Waiting\. /);
      waiting.signal(signal);
      assert.equal((await waiting.exited).code, code, waiting.output());
      assert.match(
        waiting.output(),
        new RegExp(`\nEnded by ${signal}: the clock was not good yet\\.$`),
      );
      assert.deepEqual(await readdir(dirname(lonely.socketPath)), ["chronyd.sock"]);
    });
  }

  test("ends by SIGTERM while it waits for chronyd, without a socket file", async (t) => {
    const frozen = await startChronyd(t, { configuration: localReferenceConfiguration() });
    await frozen.freeze();
    const waiting = startWait(t, [WITHIN_ANY, LONG], { CHRONY_ADDRESS: frozen.address });
    const directory = dirname(frozen.socketPath);
    await waiting.waitUntil("its socket", async () => (await readdir(directory)).length > 1);
    waiting.signal("SIGTERM");
    assert.equal((await waiting.exited).code, 143, waiting.output());
    assert.deepEqual(await readdir(directory), ["chronyd.sock"]);
    await frozen.thaw();
  });

  test("ends by SIGTERM as the first process of a container", {
    skip: !hasNamespaces && "this machine lets nobody make a PID namespace",
  }, async (t) => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const waiting = startWait(t, [WITHIN_ANY, LONG, "--agent", url], {}, NAMESPACE);
    await waiting.waitForLine(/^Waiting\. /);
    const children = await readFile(`/proc/${waiting.pid}/task/${waiting.pid}/children`, "utf8");
    process.kill(Number(children.trim()), "SIGTERM");
    assert.equal((await waiting.exited).code, 143, waiting.output());
  });

  const misuses: readonly (readonly [string, RegExp])[] = [
    ["--timeout 1", /^--within is missing\. See: chrony-tracker wait --help\.$/],
    ["--within 50", /^--timeout is missing\. /],
    ["--within 0 --timeout 1", /^--within is "0": expected a number from 0\.001 to 86400000, /],
    ["--within NaN --timeout 1", /^--within is "NaN": /],
    ["--within 1e9 --timeout 1", /^--within is "1e9": /],
    ["--within 5 --within 9 --timeout 1", /^--within is given 2 times: expected it once\.$/],
    ["--within 50 --timeout -1", /^Option '--timeout' argument is ambiguous/],
    ["--within 50 --timeout 90000", /^--timeout is "90000": expected a number from 0 to 86400\.$/],
    ["--within 50 --timeout 1 --agent node-1:9464", /^--agent is "node-1:9464": expected a URL /],
    ["--within 50 --timeout 1 --agent https://n", /^--agent is "https:\/\/n": expected http:/],
    [
      "--within 50 --timeout 1 --agent http://n/status",
      /expected http:\/\/HOST:PORT, without a path/,
    ],
    ["--within 50 --timeout 1 --agent http://a:b@n", /expected a URL without a name or password/],
    ["--within 50 --timeout 1 now", /^Unexpected argument 'now'\. /],
    ["--nonsense", /^Unknown option '--nonsense'\. See: chrony-tracker wait --help\.$/],
  ];
  for (const [args, sentence] of misuses) {
    test(`${args}: ends with 2 and one sentence`, async (t) => {
      const { code, output } = await runWait(t, args.split(" "));
      assert.equal(code, 2, output);
      assert.match(output, sentence);
      assert.equal(output.split("\n").length, 1);
    });
  }

  test("an invalid setting ends it with 2, because settings have chronyd's address", async (t) => {
    const { code, output } = await runWait(t, [WITHIN_ANY, ONCE], { CHRONY_ADDRESS: "nonsense" });
    assert.equal(code, 2, output);
    assert.match(output, /CHRONY_ADDRESS/);
  });
});
