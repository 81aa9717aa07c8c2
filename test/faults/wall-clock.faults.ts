// The node's wall clock is stepped while points wait. How: test/parts/shifted-clocks.ts moves the
// agent's idea of it; chronyd, the collector and Prometheus stay with the machine's.

import { describe, test } from "node:test";
import { FaultPath } from "./fault-path.ts";

/**
 * The collector moves a point only where the node is more than 2 s off, and then by whole seconds;
 * what is left to the true time is below 2 s. The rest is for a machine that is busy.
 */
const WRONG_CLOCK_MS = 3000;

/**
 * No whole number of intervals: a point that waits and is moved to the very millisecond of one that
 * was written before is refused, and costs itself.
 */
const STEPS: readonly (readonly [name: string, milliseconds: number])[] = [
  ["1 s", 1050],
  ["5 s", 5050],
  ["an hour", 3_600_000],
  ["a day", 86_400_000],
];

// A push whose answer got lost just before a step is written twice, at two times: so the network ends
// here between two pushes.
describe("the node's wall clock", { concurrency: 3 }, () => {
  for (const [name, milliseconds] of STEPS) {
    for (const [direction, sign] of [
      ["forward", 1],
      ["back", -1],
    ] as const) {
      test(`is stepped ${direction} by ${name} while points wait: each lands at its true time`, async (t) => {
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

  test("is stepped forward by an hour while points wait, and back again", async (t) => {
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
