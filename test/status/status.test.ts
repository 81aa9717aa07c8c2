// `chrony-tracker status` as a process, with real chronyds (Debian's) and real agents.

import assert from "node:assert/strict";
import { readdir, writeFile } from "node:fs/promises";
import type { RequestListener } from "node:http";
import { dirname, join } from "node:path";
import { before, describe, test } from "node:test";
import { get, scrapeInState } from "../agent/scrape.ts";
import { startAgent, startAgentBeside } from "../parts/agent.ts";
import { bringChronyd, progressToStandardError } from "../parts/bring.ts";
import { type Chronyd, startChronyd } from "../parts/chronyd.ts";
import {
  followerConfiguration,
  localReferenceConfiguration,
  neverSynchronisedConfiguration,
  timeServerConfiguration,
} from "../parts/chronyd-configuration.ts";
import { findExecutable } from "../parts/executable.ts";
import { startFollower } from "../parts/follower.ts";
import { freePort, freeUdpPort } from "../parts/free-port.ts";
import { endWith } from "../parts/owner.ts";
import { startReferenceClock } from "../parts/reference-clock.ts";
import { type RunningProcess, startProcess } from "../parts/running-process.ts";
import { folderOf } from "../parts/scratch-folder.ts";
import { suiteScope } from "../parts/suite-scope.ts";
import { waitFor } from "../parts/wait-for.ts";
import { startFakeAgent } from "./fake-agent.ts";
import { runStatus, type StatusCircumstances, statusCommand } from "./run-status.ts";

const WIDTH = 80;
const ESCAPE = "\x1b";

/** A megabyte, and the kernel's buffers of a connection (tcp_wmem, tcp_rmem). */
const MOST_BYTES_IN_KERNEL = 32 * 1024 * 1024;

/** Any user but root. chronyd needs one with a name. */
const NOBODY = "nobody";

describe("status, with a chronyd that", () => {
  const scope = suiteScope();
  /** A port without an agent. */
  let silentPort: string;
  let follower: Chronyd;
  let lonely: Chronyd;
  /** Its reference clock is stopped at once, so that it becomes stale while other tests run. */
  let stale: { readonly chronyd: Chronyd; readonly stoppedMs: number };

  before(async () => {
    silentPort = String(await freePort());
    const clock = await startReferenceClock(scope, { poll: 0, filter: 4 });
    [follower, lonely] = await Promise.all([
      startFollower(scope),
      startChronyd(scope, { configuration: localReferenceConfiguration() }),
    ]);
    const chronyd = await startChronyd(scope, { configuration: [clock.configuration] });
    await chronyd.waitUntilSynchronised();
    clock.stop();
    stale = { chronyd, stoppedMs: performance.now() };
  });

  /** Runs it with a chronyd, and without an agent unless the environment has the port of one. */
  async function statusOf(
    chronyd: Pick<Chronyd, "address">,
    words: readonly string[] = [],
    { environment = {}, ...circumstances }: StatusCircumstances = {},
  ) {
    return await runStatus(words, {
      ...circumstances,
      environment: {
        CHRONY_ADDRESS: chronyd.address,
        OTEL_EXPORTER_PROMETHEUS_PORT: silentPort,
        ...environment,
      },
    });
  }

  async function jsonOf(
    chronyd: Pick<Chronyd, "address">,
    words: readonly string[] = [],
    circumstances: StatusCircumstances = {},
  ) {
    const { code, stdout, stderr } = await statusOf(chronyd, ["--json", ...words], circumstances);
    assert.equal(stderr, "");
    const object: Record<string, unknown> = JSON.parse(stdout);
    return { code, object };
  }

  test("is synchronised ends with 0, in a pipe without colours and in 80 columns", async () => {
    const { code, stdout, stderr } = await statusOf(follower);
    assert.equal(code, 0, stdout + stderr);
    assert.equal(stderr, "");
    assert.match(stdout, /^OK: synchronised$/m);
    assert.match(stdout, /^Error +\d+\.\d{3} ms {4}/m);
    assert.match(stdout, /^Source +127\.0\.0\.1 +server, stratum 1, answered \d of 8 polls$/m);
    assert.match(stdout, /^Peak +- +only an agent has it, and none answered$/m);
    assert.match(stdout, /^127\.0\.0\.1 +selected +1 0\.063 s +\d\/8/m);
    assert.ok(!stdout.includes(ESCAPE));
    for (const line of stdout.split("\n")) {
      assert.ok(line.length <= WIDTH, line);
    }
  });

  test("is 75 ms off is a warning by the bound, and another verdict with other thresholds", async (t) => {
    const wrong = await startFollower(t, { offsetSeconds: 0.075 });
    const [byDefault, tolerant, strict] = await Promise.all([
      jsonOf(wrong),
      jsonOf(wrong, ["--warning", "100"]),
      jsonOf(wrong, ["-w", "10", "-c", "70"]),
    ]);
    assert.deepEqual([byDefault.code, tolerant.code, strict.code], [1, 0, 2]);
    const bound = Number(byDefault.object["clock_error_bound_ms"]);
    // On a loaded machine the path to the server and back takes milliseconds.
    assert.ok(bound > 74.9 && bound < 95, `${bound}`);
    assert.equal(byDefault.object["verdict"], "warning");
    assert.equal(byDefault.object["reason"], `The bound of ${bound.toFixed(3)} ms is above 50 ms.`);
  });

  test("never synchronised is critical, with an error of exactly 1500 ms", async (t) => {
    const driftFile = join(await folderOf(t), "drift");
    await writeFile(driftFile, "-12.5 0.1\n");
    const silent = neverSynchronisedConfiguration(await freeUdpPort());
    const never = await startChronyd(t, {
      configuration: [...silent, `driftfile ${driftFile}`],
    });
    const { code, object } = await jsonOf(never);
    assert.equal(code, 2);
    assert.equal(object["state"], "unsynchronised");
    assert.equal(object["clock_error_ms"], 1500);
    assert.equal(object["reference_age_seconds"], null);
    assert.equal(object["source"], null);
    assert.equal(object["stale_after_seconds"], null);

    const { stdout } = await statusOf(never);
    assert.match(stdout, /^Source +- +none$/m);
    assert.doesNotMatch(stdout, /stale beyond/);
    const chronycs = await never.chronyc("tracking");
    assert.match(chronycs, /^Frequency +: 12\.500 ppm slow$/m);
    assert.match(stdout, /^Frequency +12\.500 ppm +too slow without chronyd's correction$/m);
  });

  test("follows itself is critical, and its flattering 0 is never shown", async () => {
    const { code, object } = await jsonOf(lonely);
    assert.equal(code, 2);
    assert.equal(object["state"], "local");
    assert.deepEqual(
      [object["clock_error_ms"], object["clock_error_bound_ms"], object["source"]],
      [null, null, null],
    );
    assert.equal(object["stale_after_seconds"], null);
    const { stdout } = await statusOf(lonely);
    assert.match(stdout, /^Error +- +not known: chronyd's 0 ms means nothing here$/m);
    assert.match(stdout, /^Source +- +none: chronyd follows its own clock$/m);
    assert.doesNotMatch(stdout, /stale beyond/);
    assert.doesNotMatch(stdout, /0\.000 ms/);
  });

  test("follows a source without a source is a warning, however small the numbers are", async (t) => {
    const ntpPort = await freeUdpPort();
    const commandPort = await freeUdpPort();
    await startChronyd(t, { configuration: timeServerConfiguration(ntpPort) });
    const misled = await startChronyd(t, {
      configuration: followerConfiguration(ntpPort),
      commandPort,
    });
    await misled.waitUntilSynchronised();
    const { code, object } = await jsonOf(misled);
    assert.equal(code, 1);
    assert.equal(object["state"], "synchronised");
    assert.equal(object["upstream_local"], true);
    assert.match(
      String(object["reason"]),
      /^The time source reports that it follows its own clock/,
    );
    const { stdout } = await statusOf(misled);
    assert.match(stdout, /^ +server, stratum 8, answered \d of 8 polls, follows its own clock$/m);

    // Over UDP chronyd does not report it.
    const overUdp = await jsonOf({ address: `udp://127.0.0.1:${commandPort}` });
    assert.deepEqual([overUdp.code, overUdp.object["upstream_local"]], [0, null]);
    assert.deepEqual(overUdp.object["problems"], []);

    const healthy = await jsonOf(follower);
    assert.equal(healthy.object["upstream_local"], false);
  });

  test("gives one line to a monitoring system", async () => {
    const { code, stdout } = await statusOf(follower, ["--brief", "-w", "5", "-c", "50"]);
    assert.equal(code, 0);
    assert.match(
      stdout,
      /^CLOCK OK - synchronised, error [\d.<]+ ms, bound [\d.<]+ ms, source 127\.0\.0\.1, reference age [\d.]+ s\. \| error_ms=[\d.]+;5;50;0 bound_ms=[\d.]+;5;50;0 reference_age_seconds=[\d.]+;;;0\n$/,
    );
  });

  test("is asked over UDP, by --address", async (t) => {
    const commandPort = await freeUdpPort();
    await startChronyd(t, { configuration: localReferenceConfiguration(), commandPort });
    const address = `udp://127.0.0.1:${commandPort}`;
    const { code, object } = await jsonOf(follower, ["--address", address]);
    assert.equal(code, 2);
    assert.equal(object["state"], "local");
    assert.equal(object["chrony_address"], address);
    assert.deepEqual(object["sources"], []);
  });

  test("is frozen, then killed: unknown, without a number, with what to check", async (t) => {
    const doomed = await startChronyd(t, { configuration: localReferenceConfiguration() });
    await doomed.freeze();
    const frozen = await statusOf(doomed);
    assert.equal(frozen.code, 3);
    assert.match(frozen.stdout, /^UNKNOWN: unreachable$/m);
    assert.match(
      frozen.stdout.replaceAll("\n", " "),
      /did not answer TRACKING within 1000 ms.* SELinux /,
    );
    await doomed.thaw();

    await doomed.process.kill();
    const killed = await statusOf(doomed);
    assert.equal(killed.code, 3);
    assert.match(killed.stdout, /Nobody listens at/);
    assert.doesNotMatch(killed.stdout, /\d ms/);
    const { object } = await jsonOf(doomed);
    assert.equal(object["clock_error_ms"], null);
    assert.equal(object["said_by"], "nobody");
  });

  test("has an agent: the peak is the agent's, unless another chronyd is asked", async (t) => {
    const agent = await startAgentBeside(t, follower);
    const { port } = new URL(agent.pullUrl);
    const seen = await scrapeInState(agent, "synchronised");
    const environment = { OTEL_EXPORTER_PROMETHEUS_PORT: port };
    const { object } = await jsonOf(follower, [], { environment });
    assert.equal(object["said_by"], "chronyd");
    assert.ok(Number(object["clock_error_peak_ms"]) >= (seen.value("chrony_clock_error_ms") ?? 0));
    assert.deepEqual(object["agent"], {
      url: `http://127.0.0.1:${port}/`,
      version: "0.1.0",
      state: "synchronised",
      problem: null,
    });
    const other = await jsonOf(follower, ["--address", lonely.address], { environment });
    assert.equal(other.object["agent"], null);
    assert.equal(other.object["clock_error_peak_ms"], null);
  });

  test("has an agent that only pushes: the peak is the agent's", async (t) => {
    const agent = await startAgent(t, {
      environment: {
        CHRONY_ADDRESS: follower.address,
        OTEL_METRICS_EXPORTER: "otlp",
        OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await freePort()}`,
      },
    });
    const environment = { OTEL_EXPORTER_PROMETHEUS_PORT: new URL(agent.pullUrl).port };
    const { object } = await waitFor("the agent to report", async () => {
      const seen = await jsonOf(follower, [], { environment });
      return seen.object["clock_error_peak_ms"] !== null && seen;
    });
    assert.ok(Number(object["clock_error_peak_ms"]) > 0);
    const { stdout } = await statusOf(follower, [], { environment });
    assert.match(
      stdout,
      /^Peak +[\d.<]+ ms +the largest of both in the last 60 s: alerts use it$/m,
    );
  });

  const others: readonly (readonly [string, RequestListener, RegExp])[] = [
    [
      "without /status",
      (_, response) => response.writeHead(404).end("Not found. The paths are /, /metrics."),
      /^http:\S+status was answered with HTTP status 404\. Expected an agent of this version \(see OTEL_EXPORTER_PROMETHEUS_PORT\)\.$/,
    ],
    [
      "that has not asked chronyd yet",
      (_, response) => response.writeHead(503).end(),
      /^http:\S+ has not asked chronyd yet\.$/,
    ],
    [
      "that sends a page",
      (_, response) => response.end("<!doctype html>\u001b[2J"),
      /something else than a report: it is not JSON\. Expected an agent/,
    ],
    [
      "that redirects",
      (_, response) => response.writeHead(302, { location: "http://127.0.0.1/" }).end(),
      /HTTP status 302/,
    ],
    ["that never answers", () => {}, /was not answered within 2000 ms\.$/],
    [
      "that answers half",
      (_, response) => response.write('{"format":'),
      /was not answered within 2000 ms\.$/,
    ],
    [
      "that closes the connection",
      (_, response) => response.destroy(),
      /^No agent answers at \S+ \(ECONNRESET\)\.$/,
    ],
  ];
  for (const [what, answer, sentence] of others) {
    test(`has a server ${what} in place of the agent: a sentence, and chronyd's own report`, async (t) => {
      const environment = { OTEL_EXPORTER_PROMETHEUS_PORT: await startFakeAgent(t, answer) };
      const { code, object } = await jsonOf(follower, [], { environment });
      assert.equal(code, 0);
      assert.equal(object["clock_error_peak_ms"], null);
      const agent = object["agent"] as Record<string, unknown>;
      assert.match(String(agent["problem"]), sentence);
      assert.deepEqual([agent["version"], agent["state"]], [null, null]);
      const { stdout } = await statusOf(follower, [], { environment });
      assert.match(stdout, /^OK: synchronised$/m);
      assert.match(stdout, /^Agent +-/m);
      assert.ok(!stdout.includes(ESCAPE));
    });
  }

  test("has a server in place of the agent that sends without end: a megabyte is read", async (t) => {
    let taken = 0;
    const port = await startFakeAgent(t, (_, response) => {
      const piece = Buffer.alloc(65_536, "x");
      const send = () => {
        response.write(piece, (error) => {
          if (!error) {
            taken += piece.length;
            send();
          }
        });
      };
      send();
    });
    const environment = { OTEL_EXPORTER_PROMETHEUS_PORT: port };
    const { object } = await jsonOf(follower, [], { environment });
    const { problem } = object["agent"] as Record<string, unknown>;
    assert.match(String(problem), /with more than 1048576 bytes\.|not answered within 2000 ms\.$/);
    assert.ok(taken <= MOST_BYTES_IN_KERNEL, `${taken} bytes were taken`);
  });

  test("ends while the agent has not noticed it: unknown", async (t) => {
    const doomed = await startChronyd(t, { configuration: localReferenceConfiguration() });
    const agent = await startAgentBeside(t, doomed, {
      SLEEP_INTERVAL: "60",
      OTEL_METRIC_EXPORT_INTERVAL: "60000",
    });
    await scrapeInState(agent, "local");
    // So that none of two pushes misses an error, a peak lasts for two export intervals.
    assert.equal(JSON.parse((await get(agent, "/status")).body).peak_width_seconds, 120);
    await doomed.freeze();
    const environment = { OTEL_EXPORTER_PROMETHEUS_PORT: new URL(agent.pullUrl).port };
    const { code, stdout } = await statusOf(doomed, [], { environment });
    await doomed.thaw();
    assert.equal(code, 3);
    assert.match(stdout, /^Agent .* reports local$/m);
  });

  test("serves another user: root becomes that user, and another one gets the agent's report", async (t) => {
    const setpriv = findExecutable("setpriv");
    if (process.getuid?.() !== 0 || setpriv === undefined) {
      t.skip("needs root, and setpriv of util-linux, to be other users");
      return;
    }
    // Unlike the others it creates its directory itself, as root.
    const folder = await folderOf(t);
    const runFolder = join(folder, "nobodys");
    const { chronyd: program } = await bringChronyd(progressToStandardError);
    const chronyd: RunningProcess = startProcess({
      name: "chronyd",
      command: program,
      args: ["-x", "-d", "-u", NOBODY, "cmdport 0", "port 0"].concat([
        // Its own pid file, because chronyd removes it when it ends.
        `pidfile ${join(folder, "nobodys.pid")}`,
        `bindcmdaddress ${runFolder}/chronyd.sock`,
        "local stratum 10",
      ]),
    });
    endWith(t, () => chronyd.stop());
    const address = `unix://${runFolder}/chronyd.sock`;

    await chronyd.waitUntil("root to be answered", async () => {
      const { object } = await jsonOf({ address });
      return object["said_by"] === "chronyd" && object["state"] === "local";
    });
    assert.deepEqual(await readdir(runFolder), ["chronyd.sock"]);

    const wrapper = [setpriv, "--bounding-set=-all", "--inh-caps=-all"];
    const denied = await statusOf({ address }, [], { wrapper });
    assert.equal(denied.code, 3, denied.stdout + denied.stderr);
    assert.match(
      denied.stdout.replaceAll("\n", " "),
      /Not allowed to use .*: run as the user that owns/,
    );

    // As the agent of the DaemonSet, which has that user.
    const agent = await startAgent(t, {
      wrapper: [setpriv, `--reuid=${NOBODY}`, "--regid=nogroup", "--clear-groups"],
      environment: { CHRONY_ADDRESS: address, OTEL_METRICS_EXPORTER: "prometheus" },
    });
    await scrapeInState(agent, "local");
    const environment = { OTEL_EXPORTER_PROMETHEUS_PORT: new URL(agent.pullUrl).port };
    const told = await statusOf({ address }, [], { wrapper, environment });
    assert.equal(told.code, 2, told.stdout + told.stderr);
    assert.match(told.stdout, /^CRITICAL: local$/m);
    assert.match(told.stdout, /These facts are from the agent's last poll\./);
    const { object } = await jsonOf({ address }, [], { wrapper, environment });
    assert.equal(object["said_by"], "agent");
  });

  test("is watched in a pipe: one report after another until Ctrl-C, a line each as JSON", async () => {
    const environment = { SLEEP_INTERVAL: "0.1" };
    const full = await statusOf(follower, ["--watch"], {
      environment,
      interruptWhen: (stdout) => stdout.split("OK: synchronised").length > 3,
    });
    assert.equal(full.code, 0, full.stderr);
    assert.ok(!full.stdout.includes(ESCAPE));
    const json = await statusOf(lonely, ["--watch", "--json"], {
      environment,
      interruptWhen: (stdout) => stdout.split("\n").length > 3,
    });
    assert.equal(json.code, 2, "the last report's exit code");
    const states = json.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line).state);
    assert.deepEqual([...new Set(states)], ["local"]);
  });

  test("is shown in colours on a terminal, unless NO_COLOR is set", async (t) => {
    const script = findExecutable("script");
    if (script === undefined) {
      t.skip("needs script of util-linux (Debian: bsdutils) for a terminal");
      return;
    }
    const onTerminal = async (words: readonly string[], environment: Record<string, string>) => {
      const command = statusCommand(words)
        .map((word) => `'${word}'`)
        .join(" ");
      const terminal = startProcess({
        name: "script",
        command: script,
        args: ["--quiet", "--return", "--command", command, "/dev/null"],
        env: {
          PATH: process.env["PATH"],
          TERM: "xterm",
          CHRONY_ADDRESS: follower.address,
          OTEL_EXPORTER_PROMETHEUS_PORT: silentPort,
          ...environment,
        },
      });
      endWith(t, () => terminal.stop());
      return terminal;
    };
    const coloured = await onTerminal([], {});
    assert.equal((await coloured.exited).code, 0, coloured.output());
    assert.ok(coloured.output().includes(`${ESCAPE}[1;32mOK: synchronised${ESCAPE}[0m`));
    for (const line of coloured.output().split("\n")) {
      const shown = line.replaceAll(new RegExp(`${ESCAPE}\\[[\\d;]*m|\r`, "g"), "");
      assert.ok(shown.length <= WIDTH, shown);
    }

    const plain = await onTerminal([], { NO_COLOR: "1" });
    await plain.exited;
    assert.ok(!plain.output().includes(ESCAPE), plain.output());

    const watched = await onTerminal(["--watch"], { SLEEP_INTERVAL: "0.1" });
    await watched.waitUntil(
      "the screen to be drawn again",
      () => watched.output().split(`${ESCAPE}[H`).length > 3,
    );
    assert.equal(watched.output().split(`${ESCAPE}[2J`).length, 2, "the screen is cleared once");
    watched.signal("SIGINT");
    await watched.exited;

    const dumb = await onTerminal(["--watch"], { TERM: "dumb", SLEEP_INTERVAL: "0.1" });
    await dumb.waitUntil("a few reports", () => dumb.output().split("OK: synchronised").length > 3);
    dumb.signal("SIGINT");
    await dumb.exited;
    assert.ok(!dumb.output().includes(ESCAPE), dumb.output());
  });

  test("does not matter when arguments or settings are invalid: 3, and everything on standard error", async () => {
    const words = await statusOf(follower, ["--verbose"]);
    assert.deepEqual([words.code, words.stdout], [3, ""]);
    assert.match(
      words.stderr,
      /^Unknown option '--verbose'\. See: chrony-tracker status --help\.\n$/,
    );
    const settings = await runStatus([], {
      environment: { CHRONY_ADDRESS: "localhost", SLEEP_INTERVAL: "often" },
    });
    assert.deepEqual([settings.code, settings.stdout], [3, ""]);
    assert.match(
      settings.stderr,
      /^CHRONY_ADDRESS is "localhost": .*\nSLEEP_INTERVAL is "often": /,
    );
    const help = await runStatus(["--help"]);
    assert.equal(help.code, 0);
    assert.match(help.stdout, /^Usage: chrony-tracker status/m);
  });

  test("lost its reference clock is stale: a warning, with the error as it grows", async () => {
    const { code, object } = await waitFor("the clock to be stale", async () => {
      const seen = await jsonOf(stale.chronyd);
      return seen.object["state"] === "stale" && seen;
    });
    assert.equal(code, 1);
    const age = Number(object["reference_age_seconds"]);
    const waited = (performance.now() - stale.stoppedMs) / 1000;
    assert.ok(age > 16 && age < waited + 5, `the reference's age is ${age} s after ${waited} s`);
    assert.ok(Number(object["clock_error_ms"]) > 0);
    assert.deepEqual(object["source"], { address: "PHC0", name: "PHC0" });
    const { stdout } = await statusOf(stale.chronyd, ["--brief"]);
    assert.match(stdout, /^CLOCK WARNING - stale, error /);
  });

  test("was asked all this keeps no socket of ours", async () => {
    for (const { socketPath } of [follower, lonely, stale.chronyd]) {
      assert.deepEqual(await readdir(dirname(socketPath)), ["chronyd.sock"]);
    }
  });
});
