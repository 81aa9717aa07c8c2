// The node's wall clock is stepped while the agent has a backlog. test/parts/shifted-clocks.ts moves only the agent's
// wall clock; chronyd, the collector and Prometheus use the machine's.

import { describe, test } from "node:test";
import { FaultPath } from "./fault-path.ts";

/**
 * The collector moves a point only if the node is more than 2 s off, and then by whole seconds, so the remaining error is
 * below 2 s. The rest is for a busy machine.
 */
const WRONG_CLOCK_MS = 3000;

/**
 * Not a whole number of intervals, because a point that is moved to the millisecond of an earlier one is rejected and
 * lost.
 */
const STEPS: readonly (readonly [name: string, milliseconds: number])[] = [
  ["1 s", 1050],
  ["5 s", 5050],
  ["an hour", 3_600_000],
  ["a day", 86_400_000],
];

// The network ends between two pushes here, because a push whose answer is lost just before a step is written twice, at
// two times.
describe("the node's wall clock", { concurrency: 3 }, () => {
  for (const [name, milliseconds] of STEPS) {
    for (const [direction, sign] of [
      ["forward", 1],
      ["back", -1],
    ] as const) {
      test(`is stepped ${direction} by ${name} during an outage: each point gets its true time`, async (t) => {
        const path = await FaultPath.start(t);
        await path.untilCollections(2);
        await path.network.refuseFurther();
        await path.intervals(4);
        await path.agent.shiftWallClock(sign * milliseconds);
        await path.intervals(4);
        await path.network.become("open");
        await path.check(
          `wall clock stepped ${direction} by ${name} while points wait`,
          "nothing lost, nothing false, each at its true time to 2 s",
          { wrongClockMs: WRONG_CLOCK_MS },
        );
      });
    }
  }

  test("is stepped forward by an hour during an outage, and back again", async (t) => {
    const path = await FaultPath.start(t);
    await path.untilCollections(2);
    await path.network.refuseFurther();
    await path.intervals(3);
    await path.agent.shiftWallClock(3_600_000);
    await path.intervals(3);
    await path.agent.shiftWallClock(0);
    await path.intervals(3);
    await path.network.become("open");
    await path.check(
      "wall clock stepped forward by an hour and back while points wait",
      "nothing lost, nothing false, each at its true time to 2 s",
      { wrongClockMs: WRONG_CLOCK_MS },
    );
  });
});
