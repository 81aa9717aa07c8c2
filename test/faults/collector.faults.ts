// Attacks on the collector, and the load after an outage: the real collector with the configuration for a cluster, in a
// fake container of 512 MiB (fake-container.ts); a real agent, whose polls must all arrive; and 200 senders with the
// load of 5,000 agents: 167 pushes a second of 44 series.

import assert from "node:assert/strict";
import { appendFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { startFakeTokenIssuer } from "../otel-collector/fake-token-issuer.ts";
import { gauge } from "../otel-collector/otlp.ts";
import { KUBERNETES_CONFIGURATION_FILES } from "../parts/collector.ts";
import { folderOf } from "../parts/scratch-folder.ts";
import { waitFor } from "../parts/wait-for.ts";
import { type FakeAttack, holdUnfinishedHeaders, pushAgainAndAgain } from "./fake-attackers.ts";
import { startFakeContainer } from "./fake-container.ts";
import { type FakeFleet, startFakeFleet } from "./fake-fleet.ts";
import { type AttackReport, FaultPath } from "./fault-path.ts";

const CONTAINER_MIB = 512;
const SENDERS = 200;
const AGENTS = 5_000;
const PUSHES_PER_SECOND = 167;
const ATTACK_MS = 10_000;
/** Ends a test that hangs. The time until recovery is printed, but not promised. */
const WELL_AGAIN_MS = 200_000;
const NODE = "aks-pool-1";
const KIBIBYTE = 1024;

/** What an attack can use. */
type Target = {
  readonly t: TestContext;
  readonly path: FaultPath;
  readonly otlpUrl: string;
  readonly fleet: FakeFleet;
  /** The headers of a node with a valid token. */
  readonly rogue: Readonly<Record<string, string>>;
};

/** An attack, and its expected results. */
type Attack = {
  readonly name: string;
  /** Starts it. It lasts until it is stopped. */
  readonly begin: (target: Target) => FakeAttack | Promise<FakeAttack>;
  /** Whether the container's limit may be reached, because no configuration limits this. */
  readonly unbounded?: true;
  /** Which filter must have counted points. */
  readonly counted?: string;
};

/** A request of one resource with these metrics. */
function requestOf(metrics: readonly object[]): string {
  return JSON.stringify({ resourceMetrics: [{ scopeMetrics: [{ metrics }] }] });
}

const pointsAt = (timeMs: number, count: number) =>
  requestOf([gauge("chrony_up", ...Array.from({ length: count }, () => ({ timeMs, value: 1 })))]);

const ATTACKS: readonly Attack[] = [
  {
    name: "no attack, the load alone",
    begin: () => ({ stop: async () => undefined }),
  },
  {
    name: "500 connections, each with 900 kB of an unfinished header, no token",
    unbounded: true,
    begin: ({ t, otlpUrl }) => holdUnfinishedHeaders(t, otlpUrl, 500, 900_000),
  },
  {
    name: "500 connections, each with 16 kB of an unfinished header, no token",
    begin: ({ t, otlpUrl }) => holdUnfinishedHeaders(t, otlpUrl, 500, 16 * KIBIBYTE),
  },
  {
    name: "10 bodies of 13 MB at once, valid token",
    begin: ({ t, otlpUrl, rogue }) =>
      pushAgainAndAgain(t, otlpUrl, 10, `{${" ".repeat(13_000_000)}}`, rogue),
  },
  {
    name: "50 bodies of 100 MB, compressed, at once, valid token",
    begin: ({ t, otlpUrl, rogue }) =>
      pushAgainAndAgain(t, otlpUrl, 50, gzipSync(`{${" ".repeat(100_000_000)}}`), {
        ...rogue,
        "content-encoding": "gzip",
      }),
  },
  {
    name: "16 bodies of 300,000 empty points at once, valid token",
    unbounded: true,
    begin: ({ t, otlpUrl, rogue }) =>
      pushAgainAndAgain(
        t,
        otlpUrl,
        16,
        requestOf([
          { name: "chrony_up", gauge: { dataPoints: Array.from({ length: 300_000 }, () => ({})) } },
        ]),
        rogue,
      ),
  },
  {
    name: "points a day ahead, valid token",
    counted: "filter/future",
    begin: ({ t, otlpUrl, rogue }) =>
      pushAgainAndAgain(t, otlpUrl, 4, pointsAt(Date.now() + 86_400_000, 100), rogue),
  },
  {
    name: "points of yesterday, valid token",
    counted: "filter/old",
    begin: ({ t, otlpUrl, rogue }) =>
      pushAgainAndAgain(t, otlpUrl, 4, pointsAt(Date.now() - 86_400_000, 100), rogue),
  },
  {
    name: "3,000 foreign names a push, valid token",
    counted: "filter/names",
    begin: ({ t, otlpUrl, rogue }) => {
      const point = { timeMs: Date.now(), value: 1 };
      const names = Array.from({ length: 3_000 }, (_, index) => gauge(`chrony_x${index}`, point));
      return pushAgainAndAgain(t, otlpUrl, 4, requestOf(names), rogue);
    },
  },
  {
    name: "a label of 800 kB, valid token",
    begin: ({ t, otlpUrl, rogue }) => {
      const attributes = { state: "x".repeat(800_000) };
      const point = { timeMs: Date.now(), value: 1, attributes };
      return pushAgainAndAgain(
        t,
        otlpUrl,
        4,
        requestOf([gauge("chrony_sync_state", point)]),
        rogue,
      );
    },
  },
  {
    name: "4,000 series a push, valid token",
    begin: ({ t, otlpUrl, rogue }) => {
      const points = Array.from({ length: 4_000 }, (_, index) => ({
        timeMs: Date.now(),
        value: 1,
        attributes: { source_name: `s${index}` },
      }));
      const body = requestOf([gauge("chrony_sources_stratum", ...points)]);
      return pushAgainAndAgain(t, otlpUrl, 4, body, rogue);
    },
  },
  {
    name: "a backlog of 19 minutes from every agent, one of two replicas gone, the backend silent",
    unbounded: true,
    begin: async ({ path, fleet }) => {
      path.backend.behave("silent");
      fleet.pushAtOnce(AGENTS / SENDERS);
      fleet.addBacklog(38);
      // As long as the collector keeps a push.
      await delay(15_000);
      return {
        async stop() {
          path.backend.behave("open");
          // A sender sends its backlog once, although it represents several agents.
          fleet.pushAtOnce(1);
        },
      };
    },
  },
];

describe("the collector", () => {
  for (const attack of ATTACKS) {
    test(`${attack.name}: other nodes lose nothing`, async (t) => {
      const issuer = await startFakeTokenIssuer(t);
      const tokenFile = join(await folderOf(t), "token");
      await writeFile(tokenFile, await issuer.token({ node: NODE }));
      const path = await FaultPath.start(t, {
        collector: {
          configurationFiles: [
            fileNamed("identity.yaml"),
            // The real intervals, because they determine how long the collector keeps a push.
            "yaml:{exporters: {prometheus_remote_write: {http: {timeout: 15s}}}}",
          ],
          serviceFile: fileNamed("service-kubernetes.yaml"),
          environment: {
            TOKEN_ISSUER_URL: issuer.url,
            OWN_METRICS_INTERVAL: "1000",
            GOMEMLIMIT: "320MiB",
          },
        },
        agent: { COLLECTOR_TOKEN_FILE: tokenFile },
      });
      const container = startFakeContainer(t, path.collector, CONTAINER_MIB);
      const { otlpUrl } = path.collector;
      const fleet = await startFakeFleet(t, {
        otlpUrl: () => otlpUrl,
        senders: SENDERS,
        pushesPerSecond: PUSHES_PER_SECOND,
        token: (node) => issuer.token({ node }),
      });
      await untilWell(fleet);
      const before = { peakMib: container.peakMib(), restarts: container.restarts() };
      assert.equal(before.restarts, 0, `${before.peakMib} MiB at rest`);

      const rogue = { authorization: `Bearer ${await issuer.token({ node: "rogue" })}` };
      const attacking = await attack.begin({ t, path, otlpUrl, fleet, rogue });
      await delay(ATTACK_MS);
      const during = fleet.answers();
      await attacking.stop();
      const endMs = performance.now();
      await untilWell(fleet);
      const wellAgainSeconds = (performance.now() - endMs) / 1000;
      const peakMib = container.peakMib();
      const restarts = container.restarts();
      fleet.makeNoMore();
      await waitFor("what waits to go", () => fleet.waiting() === 0, WELL_AGAIN_MS);

      // The collector writes its own metrics once a second.
      const dropped = await waitFor("the filter's count", async () => {
        const counts = await path.prometheus.query(
          'sum by (filter) (max_over_time(otelcol_processor_filter_datapoints_filtered{filter!="filter/own"}[10m])) > 0',
        );
        return attack.counted === undefined || counts.length > 0 ? counts : undefined;
      });
      const held = await path.prometheus.query(
        'count_over_time(chrony_up{instance=~"fleet-.*"}[1h])',
        Date.now() / 1000 + 60,
      );
      report({
        attack: attack.name,
        restMib: before.peakMib,
        peakMib,
        restarts,
        answers: during,
        dropped: Object.fromEntries(
          dropped.map(({ labels, value }) => [labels["filter"] ?? "", value]),
        ),
        wellAgainSeconds,
      });
      const lacking = held.filter(
        ({ labels, value }) => value !== fleet.made().get(labels["instance"] ?? ""),
      );
      assert.equal(held.length, SENDERS);
      assert.deepEqual(lacking, []);
      await path.check(attack.name, "nothing lost, nothing twice");
      if (attack.unbounded === undefined) {
        assert.equal(restarts, 0, `it had ${peakMib} MiB`);
      }
      if (attack.counted !== undefined) {
        assert.deepEqual(
          dropped.map(({ labels }) => labels["filter"]),
          [attack.counted],
        );
      }
    });
  }
});

/** Waits until every push of the fleet was accepted for a second, and the backlog is small. */
async function untilWell(fleet: FakeFleet): Promise<void> {
  await waitFor(
    "every push to be accepted",
    async () => {
      fleet.answers();
      await delay(1000);
      const { 200: accepted = 0, ...others } = fleet.answers();
      assert.deepEqual(others, {}, `${accepted} accepted`);
      assert.ok(accepted > 0, "none accepted");
      assert.ok(fleet.waiting() <= SENDERS, `${fleet.waiting()} wait`);
      return true;
    },
    WELL_AGAIN_MS,
  );
}

function fileNamed(name: string): string {
  const file = KUBERNETES_CONFIGURATION_FILES.find((path) => path.endsWith(`/${name}`));
  assert.ok(file, name);
  return file;
}

function report(line: AttackReport): void {
  const { FAULTS_REPORT } = process.env;
  if (FAULTS_REPORT === undefined) {
    process.stdout.write(`${JSON.stringify(line)}\n`);
  } else {
    appendFileSync(FAULTS_REPORT, `${JSON.stringify(line)}\n`);
  }
}
