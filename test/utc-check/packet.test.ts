// The packet of RFC 5905, figure 8, with real bytes (captures.ts).

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  answers,
  decodePacket,
  encodeRequest,
  PACKET_BYTES,
  type ServerPacket,
} from "../../src/utc-check/packet.ts";
import { ANSWER, NONCE, RATE, REQUEST, UNSYNCHRONISED } from "./captures.ts";

/** The fields of a packet of the right length. */
function decoded(datagram: Uint8Array): ServerPacket {
  const packet = decodePacket(datagram);
  assert.ok(packet !== undefined);
  return packet;
}

/** A copy with other bytes from an offset on. */
function patched(datagram: Uint8Array, offset: number, ...bytes: readonly number[]): Uint8Array {
  const copy = new Uint8Array(datagram);
  copy.set(bytes, offset);
  return copy;
}

test("a request is version 4, mode 3, and a random number", () => {
  assert.deepEqual(encodeRequest(NONCE), REQUEST);
  assert.deepEqual(encodeRequest(2n ** 64n - 1n).subarray(40), new Uint8Array(8).fill(0xff));
});

test("a real answer's fields", () => {
  assert.deepEqual(decoded(ANSWER), {
    leapIndicator: 0,
    version: 4,
    mode: 4,
    stratum: 2,
    precisionLog2Seconds: -25,
    rootDelaySeconds: 2 / 65_536,
    rootDispersionSeconds: 3 / 65_536,
    referenceId: 0x7f00_0001,
    origin: NONCE,
    receive: 0xeeb5_24ff_3c2a_c279n,
    transmit: 0xeeb5_24ff_3c2f_d77en,
  });
  assert.equal(decoded(UNSYNCHRONISED.answer).leapIndicator, 3);
  assert.equal(decoded(UNSYNCHRONISED.answer).rootDelaySeconds, 1);
  assert.deepEqual([decoded(RATE).stratum, decoded(RATE).referenceId], [0, 0x5241_5445]);
});

test("the largest root delay is not negative, and a precision is signed", () => {
  const packet = decoded(patched(patched(ANSWER, 4, 0xff, 0xff, 0xff, 0xff), 3, 0x7f));
  assert.equal(packet.rootDelaySeconds, 65_536 - 2 ** -16);
  assert.equal(packet.precisionLog2Seconds, 127);
});

describe("an answer to a request", () => {
  test("has the nonce of the request", () => {
    assert.ok(answers(decoded(ANSWER), NONCE));
    assert.ok(answers(decoded(RATE), NONCE));
    assert.ok(answers(decoded(UNSYNCHRONISED.answer), UNSYNCHRONISED.nonce));
    assert.ok(!answers(decoded(ANSWER), NONCE + 1n));
    assert.ok(!answers(decoded(UNSYNCHRONISED.answer), NONCE));
  });

  test("has mode 4", () => {
    for (let mode = 0; mode < 8; mode += 1) {
      const packet = decoded(patched(ANSWER, 0, (4 << 3) | mode));
      assert.equal(answers(packet, NONCE), mode === 4, `mode ${mode}`);
    }
  });

  test("has version 4, or 3 of an older server", () => {
    for (let version = 0; version < 8; version += 1) {
      const packet = decoded(patched(ANSWER, 0, (version << 3) | 4));
      assert.equal(answers(packet, NONCE), version === 3 || version === 4, `version ${version}`);
    }
  });

  test("has 48 bytes", () => {
    for (const length of [0, 1, 47, 49, 68, 1_000]) {
      const datagram = new Uint8Array(length);
      datagram.set(ANSWER.subarray(0, Math.min(length, PACKET_BYTES)));
      assert.equal(decodePacket(datagram), undefined, `${length} bytes`);
    }
  });
});

test("a packet within a larger buffer is read at its offset", () => {
  const buffer = new Uint8Array(100);
  buffer.set(ANSWER, 17);
  assert.deepEqual(decodePacket(buffer.subarray(17, 17 + PACKET_BYTES)), decodePacket(ANSWER));
});
