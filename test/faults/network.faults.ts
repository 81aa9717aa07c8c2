// Faults of the network between the agent and the collector.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { NetworkCondition } from "./fake-network.ts";
import { FaultPath } from "./fault-path.ts";
import { networkNamespace } from "./network-namespace.ts";

const NOTHING_LOST = "nothing lost, nothing twice";

const CONDITIONS: readonly { readonly condition: NetworkCondition; readonly name: string }[] = [
  { condition: "half open", name: "connections are accepted and nothing is carried" },
  { condition: "answers lost", name: "requests arrive, and their answers are lost" },
  { condition: "cut", name: "connections are reset within a request" },
  { condition: "slow", name: "connections are slow" },
  { condition: "refused", name: "connections are refused" },
];

describe("the network", { concurrency: 3 }, () => {
  for (const { condition, name } of CONDITIONS) {
    test(`${name}, for 10 intervals: ${NOTHING_LOST}`, async (t) => {
      const path = await FaultPath.start(t);
      await path.untilCollections(2);
      await path.network.become(condition);
      await path.intervals(10);
      await path.network.become("open");
      await path.check(`${name}, for 10 intervals`, NOTHING_LOST);
    });
  }

  test(`every packet is dropped silently, for 10 intervals: ${NOTHING_LOST}`, async (t) => {
    if (process.getuid?.() !== 0) {
      t.skip("a network namespace needs root");
      return;
    }
    const namespace = await networkNamespace(t);
    const path = await FaultPath.start(t, {
      agentWrapper: namespace.wrapper,
      nearAddress: namespace.hostAddress,
    });
    await path.untilCollections(2);
    await namespace.dropEverything();
    const before = path.network.connections();
    await path.intervals(10);
    assert.equal(path.network.connections(), before, "nothing comes through");
    await namespace.carryEverything();
    await path.check("every packet dropped silently, for 10 intervals", NOTHING_LOST);
  });
});
