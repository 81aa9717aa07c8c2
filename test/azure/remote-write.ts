/**
 * Prometheus remote write, version 1: Snappy's block format around one `prometheus.WriteRequest`
 * (prompb/remote.proto, prompb/types.proto). Only the fields that the fake needs are decoded.
 */
import protobuf from "protobufjs";
import { compress, uncompress } from "snappyjs";

/** One sample of a series. */
export type Sample = {
  readonly timeMs: number;
  /**
   * The value's 64 bits, because a staleness marker is a certain NaN, which a number may not preserve.
   */
  readonly valueBits: bigint;
};

/** A series, and its samples in the order of the request. */
export type TimeSeries = {
  readonly labels: Readonly<Record<string, string>>;
  readonly samples: readonly Sample[];
};

/** The bits of Prometheus' staleness marker (model/value/value.go, `StaleNaN`). */
export const STALE_MARKER_BITS = 0x7ff0000000000002n;

/**
 * The protobuf message in a request's body.
 *
 * @throws when it is not Snappy.
 */
export function unpackBody(body: Uint8Array): Uint8Array {
  return uncompress(body);
}

/** The body of a request with this message. */
export function packBody(message: Uint8Array): Uint8Array {
  return compress(message);
}

/**
 * WriteRequest: field 1 is `timeseries`; `metadata` (3) is skipped.
 *
 * @throws when it is not protobuf.
 */
export function decodeWriteRequest(message: Uint8Array): TimeSeries[] {
  const series: TimeSeries[] = [];
  eachField(message, (field, reader) => {
    if (field !== 1) {
      return false;
    }
    series.push(decodeTimeSeries(reader.bytes()));
    return true;
  });
  return series;
}

/** Encodes a WriteRequest without metadata. */
export function encodeWriteRequest(series: readonly TimeSeries[]): Uint8Array {
  const writer = protobuf.Writer.create();
  for (const { labels, samples } of series) {
    writer.uint32(tag(1, 2)).fork();
    for (const [name, value] of Object.entries(labels)) {
      writer.uint32(tag(1, 2)).fork();
      writer.uint32(tag(1, 2)).string(name);
      writer.uint32(tag(2, 2)).string(value);
      writer.ldelim();
    }
    for (const { timeMs, valueBits } of samples) {
      writer.uint32(tag(2, 2)).fork();
      writer
        .uint32(tag(1, 1))
        .fixed32(lowWord(valueBits))
        .fixed32(lowWord(valueBits >> 32n));
      writer.uint32(tag(2, 0)).int64(timeMs);
      writer.ldelim();
    }
    writer.ldelim();
  }
  return writer.finish();
}

/** The bits of a number. */
export function bitsOf(value: number): bigint {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  return view.getBigUint64(0);
}

/** TimeSeries: `labels` (1), `samples` (2). */
function decodeTimeSeries(message: Uint8Array): TimeSeries {
  const labels: Record<string, string> = {};
  const samples: Sample[] = [];
  eachField(message, (field, reader) => {
    if (field === 1) {
      const [name, value] = decodeLabel(reader.bytes());
      labels[name] = value;
      return true;
    }
    if (field === 2) {
      samples.push(decodeSample(reader.bytes()));
      return true;
    }
    return false;
  });
  return { labels, samples };
}

/** Label: `name` (1), `value` (2). */
function decodeLabel(message: Uint8Array): [string, string] {
  const label: [string, string] = ["", ""];
  eachField(message, (field, reader) => {
    if (field !== 1 && field !== 2) {
      return false;
    }
    label[field - 1] = reader.string();
    return true;
  });
  return label;
}

/** Sample: `value` (1, double), `timestamp` (2, int64, milliseconds). */
function decodeSample(message: Uint8Array): Sample {
  let timeMs = 0;
  let valueBits = 0n;
  eachField(message, (field, reader) => {
    if (field === 1) {
      valueBits = BigInt(reader.fixed32()) | (BigInt(reader.fixed32()) << 32n);
      return true;
    }
    if (field === 2) {
      const { low, high } = reader.int64();
      timeMs = high * 2 ** 32 + (low >>> 0);
      return true;
    }
    return false;
  });
  return { timeMs, valueBits };
}

/** Calls `read` for each field. A field for which it returns false is skipped. */
function eachField(
  message: Uint8Array,
  read: (field: number, reader: protobuf.Reader) => boolean,
): void {
  const reader = protobuf.Reader.create(message);
  while (reader.pos < reader.len) {
    const key = reader.uint32();
    if (!read(key >>> 3, reader)) {
      reader.skipType(key & 7);
    }
  }
}

/** The tag of a field: its number and its wire type (0 varint, 1 eight bytes, 2 length). */
function tag(field: number, wireType: number): number {
  return (field << 3) | wireType;
}

function lowWord(bits: bigint): number {
  return Number(BigInt.asUintN(32, bits));
}
