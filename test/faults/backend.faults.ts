// Collector and backend are away or reject. Everything is real except the gate in front of Prometheus, which answers in
// its place (test/parts/fake-gate.ts).

import { describe, test } from "node:test";
import { FaultPath } from "./fault-path.ts";

/** A fault on a working path. The path works again at its end. */
type Fault = {
  readonly name: string;
  readonly promise: string;
  readonly happen: (path: FaultPath) => Promise<void>;
};

const NOTHING_LOST = "nothing lost, nothing twice";

const FAULTS: readonly Fault[] = [
  {
    name: "collector killed for 10 minutes (20 intervals)",
    promise: NOTHING_LOST,
    async happen(path) {
      await path.killCollector();
      await path.intervals(20);
      await path.startCollector();
    },
  },
  {
    name: "collector killed and started again every few seconds, 6 times",
    promise: NOTHING_LOST,
    async happen(path) {
      for (let time = 0; time < 6; time += 1) {
        await path.killCollector();
        await path.intervals(1);
        await path.startCollector();
        await path.intervals(1);
      }
    },
  },
  {
    name: "collector frozen (SIGSTOP) for 10 intervals: it accepts connections and says nothing",
    promise: NOTHING_LOST,
    // The time of a request in its socket must not look like an offset of the node's clock.
    async happen(path) {
      path.collector.process.signal("SIGSTOP");
      await path.intervals(10);
      path.collector.process.signal("SIGCONT");
    },
  },
  {
    name: "Prometheus killed for 10 intervals",
    promise: NOTHING_LOST,
    async happen(path) {
      await path.prometheus.process.kill();
      await path.intervals(10);
      await path.prometheus.restart();
    },
  },
  ...[429, 500, 503, 400, 403].map(
    (status): Fault => ({
      name: `backend answers ${status} for 10 intervals`,
      promise: NOTHING_LOST,
      async happen(path) {
        path.backend.behave(status);
        await path.intervals(10);
        path.backend.behave("open");
      },
    }),
  ),
  {
    name: "backend silent for 10 intervals",
    promise: NOTHING_LOST,
    async happen(path) {
      path.backend.behave("silent");
      await path.intervals(10);
      path.backend.behave("open");
    },
  },
  {
    name: "backend takes every write for 10 intervals, and its answers are lost",
    promise: NOTHING_LOST,
    async happen(path) {
      path.backend.behave("answer lost");
      await path.intervals(10);
      path.backend.behave("open");
    },
  },
];

describe("collector and backend", { concurrency: 3 }, () => {
  for (const { name, promise, happen } of FAULTS) {
    test(`${name}: ${promise}`, async (t) => {
      const path = await FaultPath.start(t);
      await path.untilCollections(3);
      await happen(path);
      await path.check(name, promise);
    });
  }
});
