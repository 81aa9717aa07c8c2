// Attacks by 256 connections on the port of a real agent as shipped (bundled, with the image's flags of V8), within the
// manifest's limits of memory and CPU, with a real chronyd that has 300 sources, and a fake collector. The crowds have
// other addresses than the probes.
//
// Asserted: no poll of chronyd is missing, no probe exceeds the manifest's timeout, pushes continue, memory stays under
// the limit. Printed: the slowest probe, the latest poll, the peak of memory.

import assert from "node:assert/strict";
import { watch } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { rawRequest, statusesIn } from "../agent/raw-request.ts";
import { type Scrape, scrape, scrapeInState, waitUntilReady } from "../agent/scrape.ts";
import { type Agent, startAgent } from "../parts/agent.ts";
import { startChronyd } from "../parts/chronyd.ts";
import { type ContainerLimits, containerLimits } from "../parts/container-limits.ts";
import { freeUdpPort } from "../parts/free-port.ts";
import { IMAGE_FLAGS } from "../parts/image-flags.ts";
import { endWith } from "../parts/owner.ts";
import { runToEnd } from "../parts/run-to-end.ts";
import { folderOf } from "../parts/scratch-folder.ts";
import { suiteScope } from "../parts/suite-scope.ts";
import { accept, FakeCollector } from "../push/fake-collector.ts";
import { ATTACKS, sendCrowd } from "./hostile-crowd.ts";

const CLIENTS = 256;
const SOURCES = 300;
const POLL_INTERVAL_MS = 1_000;
/** The duration of each attack. */
const ATTACK_MS = 6_000;
const PROBE_INTERVAL_MS = 200;

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

describe("with 256 connections, the agent's memory, probes, polls and pushes keep their limits", () => {
  const scope = suiteScope();
  let limits: ContainerLimits | undefined;
  let memoryBytes: number;
  let probeTimeoutMs: number;
  const polls: number[] = [];
  let agent: Agent;
  let port: number;

  before(async () => {
    const container = await manifestContainer();
    memoryBytes = Number(/^(\d+)Mi$/.exec(container.resources.limits.memory)?.[1]) * 1024 * 1024;
    probeTimeoutMs = 1000 * container.livenessProbe.timeoutSeconds;
    limits = await containerLimits(scope, {
      memoryBytes,
      processors: Number(/^(\d+)m$/.exec(container.resources.limits.cpu)?.[1]) / 1000,
    });
    const folder = await folderOf(scope);
    await runToEnd({
      name: "tools/bundle.ts",
      command: process.execPath,
      args: [join(ROOT, "tools/bundle.ts"), join(folder, "dist")],
      timeoutMs: 60_000,
    });
    const collector = await FakeCollector.start(accept);
    endWith(scope, () => collector.stop());
    const silentPort = await freeUdpPort();
    const chronyd = await startChronyd(scope, {
      configuration: [
        "local stratum 10",
        ...Array.from(
          { length: SOURCES },
          (_, source) =>
            `server 127.1.${Math.floor(source / 250)}.${1 + (source % 250)} port ${silentPort}`,
        ),
      ],
    });
    await chronyd.waitUntilAnswering();
    endWith(scope, watchPolls(dirname(chronyd.socketPath), polls));
    agent = await startAgent(scope, {
      entry: join(folder, "dist/chrony-tracker.cjs"),
      wrapper: [...(limits?.wrapper ?? []), ...WITH_IMAGE_FLAGS],
      environment: {
        CHRONY_ADDRESS: chronyd.address,
        SLEEP_INTERVAL: String(POLL_INTERVAL_MS / 1000),
        OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.port}`,
        OTEL_METRIC_EXPORT_INTERVAL: "2000",
      },
    });
    await scrapeInState(agent, "local", 60_000);
    await waitUntilReady(agent);
    port = Number(new URL(agent.pullUrl).port);
  });

  async function probe(path: string): Promise<number> {
    const sentMs = performance.now();
    const bytes = `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`;
    const received = await rawRequest({ port, bytes });
    assert.deepEqual(statusesIn(received), [200], `${path}: ${received.slice(0, 200)}`);
    return performance.now() - sentMs;
  }

  const crowds = [
    ...Object.keys(ATTACKS).map((attack) => ({ attack, addresses: 1 })),
    { attack: "four requests for /metrics, nothing read", addresses: CLIENTS },
    { attack: "requests for all paths without a pause", addresses: CLIENTS },
  ];
  for (const { attack, addresses } of crowds) {
    test(`${attack}, from ${addresses === 1 ? "one address" : `${addresses} addresses`}`, async (t) => {
      const before = await scrape(agent);
      await limits?.forgetPeak();
      const firstPoll = polls.length - 1;
      const endMs = performance.now() + ATTACK_MS;
      const crowd = sendCrowd(t, { attack, clients: CLIENTS, port, addresses });
      const probesMs: number[] = [];
      while (performance.now() < endMs) {
        probesMs.push(await probe("/livez"), await probe("/readyz"));
        await sleep(PROBE_INTERVAL_MS);
      }
      assert.ok(crowd.connections() >= CLIENTS, `only ${crowd.connections()} connections`);
      await crowd.end();
      const endedMs = performance.now();
      const after = await scrape(agent);
      const peakBytes = (await limits?.peakBytes()) ?? (await mostResidentBytes(agent));

      const times = [...polls.slice(firstPoll).filter((ms) => ms <= endedMs), endedMs];
      const gapsMs = times.slice(1).map((ms, index) => ms - (times[index] ?? ms));
      const slowestProbeMs = Math.max(...probesMs);
      const latestPollMs = Math.max(...gapsMs) - POLL_INTERVAL_MS;
      t.diagnostic(
        `${crowd.connections()} connections; ${probesMs.length} probes, the slowest ${Math.round(slowestProbeMs)} ms; ` +
          `${times.length - 2} polls, the latest by ${Math.round(latestPollMs)} ms; ` +
          `${Math.round(peakBytes / 1024 / 1024)} MiB of ${memoryBytes / 1024 / 1024} MiB${limits === undefined ? " (resident; this machine makes no control group)" : ""}`,
      );
      assert.ok(slowestProbeMs < probeTimeoutMs, `a probe took ${slowestProbeMs} ms`);
      assert.ok(latestPollMs < POLL_INTERVAL_MS, `a poll was ${latestPollMs} ms late`);
      assert.equal(failedPolls(after), failedPolls(before));
      assert.ok(pushes(after) > pushes(before), "no push was accepted");
      assert.ok(peakBytes < memoryBytes, `${peakBytes} bytes`);
      assert.equal((await limits?.kills()) ?? 0, 0);
      assert.deepEqual(
        agent.logs().filter(({ level }) => level === "error"),
        [],
      );
    });
  }
});

type ManifestContainer = {
  readonly livenessProbe: { readonly timeoutSeconds: number };
  readonly resources: { readonly limits: { readonly memory: string; readonly cpu: string } };
};

async function manifestContainer(): Promise<ManifestContainer> {
  const manifest: {
    readonly spec: {
      readonly template: { readonly spec: { readonly containers: readonly [ManifestContainer] } };
    };
  } = parse(await readFile(join(ROOT, "k8s/base/agent/daemon-set.yaml"), "utf8"));
  return manifest.spec.template.spec.containers[0];
}

/** As in the Dockerfile's ENTRYPOINT. */
const WITH_IMAGE_FLAGS = [
  "/bin/sh",
  "-c",
  `node=$1; shift; exec "$node" ${IMAGE_FLAGS.join(" ")} "$@"`,
  "sh",
];

/**
 * Records the times at which the agent created its socket, by the monotonic clock. There is one for each poll.
 * @returns stops recording
 */
function watchPolls(directory: string, polls: number[]): () => void {
  let newest: string | null = null;
  const watcher = watch(directory, (_event, file) => {
    // The second event of a file is its removal.
    if (file !== newest) {
      newest = file;
      polls.push(performance.now());
    }
  });
  return () => watcher.close();
}

async function mostResidentBytes(agent: Agent): Promise<number> {
  const status = await readFile(`/proc/${agent.process.pid}/status`, "utf8");
  return 1024 * Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1]);
}

function failedPolls({ value }: Scrape): number | undefined {
  return value("chrony_tracker_readings_total", { result: "failure" });
}

function pushes({ value }: Scrape): number {
  return value("chrony_tracker_exports_total", { result: "success" }) ?? 0;
}
