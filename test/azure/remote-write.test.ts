// The fake's decoder of remote write, with bytes that were written by hand from prompb's field numbers.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  bitsOf,
  decodeWriteRequest,
  encodeWriteRequest,
  packBody,
  STALE_MARKER_BITS,
  unpackBody,
} from "./remote-write.ts";

/** One series `{a="b"}` with the sample 1.5 at 1000 ms, and metadata, which is skipped. */
const message = Buffer.concat([
  Buffer.from([0x0a, 0x16]), // WriteRequest.timeseries, 22 bytes
  Buffer.from([0x0a, 0x06, 0x0a, 0x01, 0x61, 0x12, 0x01, 0x62]), // labels: name "a", value "b"
  Buffer.from([0x12, 0x0c]), // samples, 12 bytes
  Buffer.from([0x09, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f]), // value, little-endian
  Buffer.from([0x10, 0xe8, 0x07]), // timestamp
  Buffer.from([0x1a, 0x02, 0x08, 0x02]), // WriteRequest.metadata: a gauge
]);
const SERIES = [{ labels: { a: "b" }, samples: [{ timeMs: 1_000, valueBits: bitsOf(1.5) }] }];

test("labels, time and value are decoded, and metadata is skipped", () => {
  assert.deepEqual(decodeWriteRequest(message), SERIES);
});

test("encoding what was decoded gives the same bytes", () => {
  assert.deepEqual(Buffer.from(encodeWriteRequest(SERIES)), message.subarray(0, 24));
});

test("a staleness marker is distinct from other NaNs, and a time before 1970 is negative", () => {
  const marker = [{ labels: { a: "b" }, samples: [{ timeMs: -1, valueBits: STALE_MARKER_BITS }] }];
  assert.deepEqual(decodeWriteRequest(encodeWriteRequest(marker)), marker);
});

test("a body is Snappy's block format: one byte as a literal", () => {
  assert.deepEqual([...unpackBody(Uint8Array.from([1, 0, 0x41]))], [0x41]);
  assert.deepEqual(Buffer.from(unpackBody(packBody(message))), message);
  assert.throws(() => unpackBody(Uint8Array.from([200, 1, 255])));
});
