// The formula with numbers computed by hand, with captures of real chronyds, and with any report.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { decodeReply } from "../../src/chrony/packet.ts";
import { type Tracking, tracking } from "../../src/chrony/tracking.ts";
import { clockErrorBoundMs, clockErrorMs } from "../../src/clock/clock-error.ts";
import * as captures from "../chrony/captures.ts";
import { anyTracking, trackingReport } from "./reports.ts";

function captured({ reply }: { readonly reply: Uint8Array }): Tracking {
  const result = decodeReply(tracking, reply);
  assert.ok(result.ok);
  return result.value;
}

/** A report with this offset, 1 ms of dispersion and 4 ms of delay. */
const ON_TOP = { rootDispersionSeconds: 0.001, rootDelaySeconds: 0.004 };

describe("the clock error", () => {
  test("is the size of the last offset, the dispersion and half the delay, in milliseconds", () => {
    const report = trackingReport({
      ...ON_TOP,
      lastOffsetSeconds: 0.0625,
      systemTimeOffsetSeconds: 9,
    });
    assert.equal(clockErrorMs(report), 65.5);
  });

  test("is the same whether the clock was ahead or behind", () => {
    for (const lastOffsetSeconds of [0.0625, -0.0625]) {
      assert.equal(clockErrorMs(trackingReport({ ...ON_TOP, lastOffsetSeconds })), 65.5);
    }
  });
});

describe("the bound", () => {
  test("has the remaining offset instead of the last one", () => {
    const report = trackingReport({
      ...ON_TOP,
      lastOffsetSeconds: 9,
      systemTimeOffsetSeconds: 0.0625,
    });
    assert.equal(clockErrorBoundMs(report), 65.5);
  });

  test("is the same whether the clock is slow or fast", () => {
    for (const systemTimeOffsetSeconds of [0.0625, -0.0625]) {
      assert.equal(clockErrorBoundMs(trackingReport({ ...ON_TOP, systemTimeOffsetSeconds })), 65.5);
    }
  });
});

test("a real chronyd that never synchronised gives exactly 1500 ms, both ways", () => {
  const report = captured(captures.NEVER_SYNCHRONISED);
  assert.equal(clockErrorMs(report), 1500);
  assert.equal(clockErrorBoundMs(report), 1500);
});

test("a real chronyd that follows itself gives 0 ms, so `local` must not be published", () => {
  const report = captured(captures.LOCAL);
  assert.equal(clockErrorMs(report), 0);
  assert.equal(clockErrorBoundMs(report), 0);
});

test("a real chronyd whose clock is 25 ms off and not slewed shows it only in the bound", () => {
  const report = captured(captures.SYNCHRONISED);
  assert.equal(clockErrorMs(report).toFixed(4), "0.0076");
  assert.equal(clockErrorBoundMs(report).toFixed(4), "25.0039");
});

test("a real chronyd's error grows after its source has stopped", () => {
  const [before, after] = [captured(captures.SYNCHRONISED), captured(captures.SOURCE_LOST)];
  assert.ok(clockErrorMs(after) > clockErrorMs(before) + 0.09);
});

test("neither is ever less than any of its parts, infinite or not a number", () => {
  fc.assert(
    fc.property(anyTracking, (report) => {
      const { lastOffsetSeconds, systemTimeOffsetSeconds } = report;
      const { rootDispersionSeconds, rootDelaySeconds } = report;
      const figures = [
        [clockErrorMs(report), lastOffsetSeconds],
        [clockErrorBoundMs(report), systemTimeOffsetSeconds],
      ] as const;
      for (const [figureMs, offsetSeconds] of figures) {
        assert.ok(Number.isFinite(figureMs));
        for (const part of [Math.abs(offsetSeconds), rootDispersionSeconds, rootDelaySeconds / 2]) {
          assert.ok(figureMs >= part * 1000);
        }
      }
    }),
  );
});
