// Offset and margin of a real exchange (captures.ts), computed by hand from its bytes with fractions:
//
//     t2 − t1 = 0.000_016_144 s, t3 − t4 = −0.000_250_588 s: offset −0.000_117_222 s
//     delay 0.000_266_732 s; margin: half of it, 1/65536 s, 3/65536 s, 2^-25 s, 15 ppm of 0.000_344_279 s,
//     and 0.000_349 ms that the clocks moved apart, 0.000_256_5 ms of both brackets, 0.001 ms of rounding

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import type { ClockPair } from "../../src/clock/clock-pair.ts";
import { type Measurement, measure, timestampOf } from "../../src/utc-check/measurement.ts";
import type { NtpError } from "../../src/utc-check/ntp-error.ts";
import { decodePacket, type ServerPacket } from "../../src/utc-check/packet.ts";
import { AFTER, ANSWER, BEFORE, RATE, RECEIVED_MS, SENT_MS, UNSYNCHRONISED } from "./captures.ts";

const REAL = packetOf(ANSWER);

function packetOf(datagram: Uint8Array): ServerPacket {
  const packet = decodePacket(datagram);
  assert.ok(packet !== undefined);
  return packet;
}

/** The real exchange with the changes of a case. */
function measured(
  overrides: Partial<ServerPacket> = {},
  { before = BEFORE, after = AFTER, receivedMs = RECEIVED_MS } = {},
): ReturnType<typeof measure> {
  const packet = { ...REAL, ...overrides };
  return measure({ packet, sentMs: SENT_MS, receivedMs }, before, after);
}

function value(result: ReturnType<typeof measure>): Measurement {
  assert.ok(result.ok, result.ok ? "" : result.error.kind);
  return result.value;
}

function error(result: ReturnType<typeof measure>): NtpError {
  assert.ok(!result.ok);
  return result.error;
}

/** Both clocks at a later time, with a step of the wall clock in between. */
function later(clocks: ClockPair, ms: number, steppedMs = 0): ClockPair {
  return {
    ...clocks,
    wallMs: clocks.wallMs + ms + steppedMs,
    monotonicMs: clocks.monotonicMs + ms,
  };
}

function near(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) < 1e-6, `${actual} is not ${expected} to a microsecond`);
}

test("a real exchange on loopback", () => {
  const { offsetSeconds, marginSeconds } = value(measured());
  near(offsetSeconds, -0.000_117_222);
  near(marginSeconds, 0.000_194_785 + 0.000_001);
  assert.ok(Math.abs(offsetSeconds) < marginSeconds, "both had the machine's clock");
});

test("the margin has the mean of both brackets: the clocks were read somewhere in them", () => {
  const wide = { ...BEFORE, bracketMs: BEFORE.bracketMs + 0.4 };
  const { marginSeconds } = value(measured({}, { before: wide }));
  near(marginSeconds, value(measured()).marginSeconds + 0.000_2);
});

test("the offset is positive if the node's clock is behind", () => {
  const by = BigInt(40) * (2n ** 32n / 1000n);
  const ahead = { receive: REAL.receive + by, transmit: REAL.transmit + by };
  near(value(measured(ahead)).offsetSeconds, 0.04 - 0.000_117_222);
  const behind = { receive: REAL.receive - by, transmit: REAL.transmit - by };
  near(value(measured(behind)).offsetSeconds, -0.04 - 0.000_117_222);
});

test("the margin includes half of the server's root delay, its dispersion and its precision", () => {
  const { marginSeconds } = value(measured());
  const of = (overrides: Partial<ServerPacket>) => value(measured(overrides)).marginSeconds;
  near(of({ rootDelaySeconds: 0.5 }) - marginSeconds, 0.25 - 1 / 65_536);
  near(of({ rootDispersionSeconds: 0.5 }) - marginSeconds, 0.5 - 3 / 65_536);
  near(of({ precisionLog2Seconds: -2 }) - marginSeconds, 0.25 - 2 ** -25);
});

test("the margin includes half of the network's delay, and not the server's", () => {
  const slow = value(measured({}, { receivedMs: RECEIVED_MS + 100 }));
  near(slow.marginSeconds, value(measured()).marginSeconds + 0.05 + 15e-6 * 0.1);
  const held = REAL.transmit + 2n ** 32n / 10n;
  const busy = value(measured({ transmit: held }, { receivedMs: RECEIVED_MS + 100 }));
  near(busy.marginSeconds, value(measured()).marginSeconds + 15e-6 * 0.1);
});

describe("a server that gives no time", () => {
  test("is not synchronised by leap indicator, stratum, or an empty timestamp", () => {
    for (const overrides of [
      { leapIndicator: 3 },
      { stratum: 16 },
      { stratum: 255 },
      { transmit: 0n },
      { stratum: 0, referenceId: 0 },
      { stratum: 0, referenceId: 0x5241_5400 },
    ]) {
      assert.equal(
        error(measured(overrides)).kind,
        "not synchronised",
        Object.keys(overrides).join(),
      );
    }
    assert.ok(measured({ stratum: 15, leapIndicator: 2 }).ok);
  });

  test("is not synchronised before it has a source, as chronyd", () => {
    const packet = packetOf(UNSYNCHRONISED.answer);
    const result = measure({ packet, sentMs: SENT_MS, receivedMs: RECEIVED_MS }, BEFORE, AFTER);
    assert.deepEqual(error(result), { kind: "not synchronised", leapIndicator: 3, stratum: 0 });
  });

  test("sends a kiss of death, as chronyd above its rate limit", () => {
    const packet = packetOf(RATE);
    const result = measure({ packet, sentMs: SENT_MS, receivedMs: RECEIVED_MS }, BEFORE, AFTER);
    assert.deepEqual(error(result), { kind: "kiss", code: "RATE" });
  });

  test("is further from its reference clock than 1.5 s", () => {
    assert.equal(error(measured({ rootDispersionSeconds: 1.5 })).kind, "too far");
    assert.equal(error(measured({ rootDelaySeconds: 3 })).kind, "too far");
    assert.equal(error(measured({ precisionLog2Seconds: 127 })).kind, "too far");
    assert.ok(measured({ rootDispersionSeconds: 1.499 }).ok);
  });

  test("reports that it took longer than the whole exchange, or sent before it received", () => {
    const hour = 3600n << 32n;
    assert.equal(error(measured({ transmit: REAL.receive + hour })).kind, "impossible times");
    assert.equal(error(measured({ receive: REAL.transmit + hour })).kind, "impossible times");
  });
});

describe("a wall clock that is stepped during the exchange", () => {
  test("makes it invalid from 10 ms on, in both directions", () => {
    for (const steppedMs of [10, -10, 3_600_000, -1e9]) {
      const after = later(BEFORE, 1, steppedMs);
      assert.deepEqual(error(measured({}, { after })), { kind: "clock stepped" }, `${steppedMs}`);
    }
  });

  test("widens the margin if it is smaller", () => {
    const wider = value(measured({}, { after: later(BEFORE, 1, -5) }));
    near(wider.marginSeconds, value(measured()).marginSeconds + 0.005);
  });

  test("is not known if a reading of the clocks was interrupted for as long", () => {
    const before = { ...BEFORE, bracketMs: 30 };
    assert.equal(error(measured({}, { before, after: later(before, 1) })).kind, "clock stepped");
  });
});

test("a timestamp counts seconds since 1900, and begins again at 0 in 2036", () => {
  assert.equal(timestampOf(0), 2_208_988_800n << 32n);
  assert.equal(timestampOf(500), (2_208_988_800n << 32n) + 2n ** 31n);
  const turnMs = Date.UTC(2036, 1, 7, 6, 28, 16);
  assert.equal(timestampOf(turnMs), 0n);
  assert.equal(timestampOf(turnMs - 1000), (2n ** 32n - 1n) << 32n);
});

test("an offset is correct across the turn of 2036", () => {
  const turnMs = Date.UTC(2036, 1, 7, 6, 28, 16);
  const before = { wallMs: turnMs - 200, monotonicMs: 0, bracketMs: 0, suspendedMs: 0 };
  const packet = {
    ...REAL,
    receive: timestampOf(turnMs + 300),
    transmit: timestampOf(turnMs + 300),
  };
  const exchange = { packet, sentMs: 0, receivedMs: 10 };
  near(value(measure(exchange, before, later(before, 10))).offsetSeconds, 0.495);
});

test("any answer gives a measurement of finite numbers or an error", () => {
  const timestamp = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
  const anyPacket: fc.Arbitrary<ServerPacket> = fc.record({
    leapIndicator: fc.nat({ max: 3 }),
    version: fc.nat({ max: 7 }),
    mode: fc.nat({ max: 7 }),
    stratum: fc.nat({ max: 255 }),
    precisionLog2Seconds: fc.integer({ min: -128, max: 127 }),
    rootDelaySeconds: fc.nat().map((value) => value / 2 ** 16),
    rootDispersionSeconds: fc.nat().map((value) => value / 2 ** 16),
    referenceId: fc.nat(),
    origin: timestamp,
    receive: timestamp,
    transmit: fc.oneof(timestamp, fc.constant(REAL.transmit)),
  });
  fc.assert(
    fc.property(anyPacket, fc.double({ min: 0, max: 3_000, noNaN: true }), (packet, tookMs) => {
      const exchange = { packet, sentMs: SENT_MS, receivedMs: SENT_MS + tookMs };
      const result = measure(exchange, BEFORE, later(BEFORE, tookMs));
      if (result.ok) {
        const { offsetSeconds, marginSeconds } = result.value;
        assert.ok(Number.isFinite(offsetSeconds));
        assert.ok(marginSeconds > 0 && marginSeconds <= 1.5);
      }
    }),
  );
});

/** A duration, in milliseconds. */
const ms = (max: number) => fc.double({ min: 0, max, noNaN: true });

test("a correct server's interval includes the true offset, however the delay is distributed", () => {
  fc.assert(
    fc.property(
      fc.double({ min: -1e6, max: 1e6, noNaN: true }),
      ms(500),
      ms(500),
      ms(500),
      ms(200),
      (offsetMs, thereMs, heldMs, backMs, wrongMs) => {
        const receiveMs = BEFORE.wallMs + thereMs + offsetMs + wrongMs;
        const packet = {
          ...REAL,
          rootDelaySeconds: 0,
          rootDispersionSeconds: wrongMs / 1000,
          receive: timestampOf(receiveMs),
          transmit: timestampOf(receiveMs + heldMs),
        };
        const sentMs = BEFORE.monotonicMs;
        const receivedMs = sentMs + thereMs + heldMs + backMs;
        const result = measure({ packet, sentMs, receivedMs }, BEFORE, later(BEFORE, 2_000));
        const { offsetSeconds, marginSeconds } = value(result);
        assert.ok(Math.abs(offsetSeconds - offsetMs / 1000) <= marginSeconds);
      },
    ),
  );
});
