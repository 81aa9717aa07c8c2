// Requests byte by byte, and every check of a reply's header. The replies are captures of real chronyds (captures.ts), with
// one changed field in some cases.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ChronyError } from "../../src/chrony/chrony-error.ts";
import { InvalidField } from "../../src/chrony/fields.ts";
import { answers, decodeReply, encodeRequest, type Report } from "../../src/chrony/packet.ts";
import { tracking } from "../../src/chrony/tracking.ts";
import { OTHER_REPLIES, REFUSALS, SYNCHRONISED } from "./captures.ts";
import { type Patch, patched } from "./wire.ts";

const { reply, sequence } = SYNCHRONISED;

function errorOf(report: Report<unknown>, packet: Uint8Array): ChronyError {
  const result = decodeReply(report, packet);
  assert.ok(!result.ok, "the reply is accepted");
  return result.error;
}

describe("a request", () => {
  test("for TRACKING, byte by byte", () => {
    assert.equal(
      hex(encodeRequest(tracking, 0, 0x1122_3344)),
      `${"06010000 0021 0000 11223344 0000000000000000".replaceAll(" ", "")}${"00".repeat(84)}`,
    );
  });

  test("sent again carries its attempt, and its own sequence", () => {
    const packet = encodeRequest(tracking, 1, 0xffff_fffe);
    assert.equal(
      hex(packet.subarray(0, 20)),
      "06010000 0021 0001 fffffffe 0000000000000000".replaceAll(" ", ""),
    );
  });

  test("for TRACKING is as long as its reply, because chronyd never sends more than it received", () => {
    assert.equal(encodeRequest(tracking, 0, 0).length, reply.length);
  });

  test("has the report's data, from byte 20", () => {
    const indexed: Report<unknown> = {
      ...tracking,
      command: 15,
      requestBytes: 76,
      writeRequestData: (data) => data.setInt32(20, -2),
    };
    const packet = encodeRequest(indexed, 0, 1);
    assert.equal(packet.length, 76);
    assert.equal(
      hex(packet.subarray(0, 28)),
      `06010000000f000000000001${"00".repeat(8)}fffffffe00000000`,
    );
  });
});

describe("what answers a request", () => {
  test("carries its sequence", () => {
    assert.ok(answers(reply, sequence));
  });

  test("does not have another sequence, even if everything else is correct", () => {
    for (const other of [sequence + 1, sequence ^ 0x8000_0000, 0]) {
      assert.ok(!answers(reply, other));
    }
  });

  test("may be invalid in every other way, which is an error and not ignored", () => {
    for (const refusal of Object.values(REFUSALS)) {
      assert.ok(answers(refusal, new DataView(refusal.buffer).getUint32(16)));
    }
  });

  test("is long enough to carry a sequence", () => {
    for (let length = 0; length <= reply.length; length += 1) {
      assert.equal(answers(reply.subarray(0, length), sequence), length >= 20, `${length} bytes`);
    }
  });

  test("may be a part of a larger buffer", () => {
    const larger = new Uint8Array(200);
    larger.set(reply, 50);
    const part = larger.subarray(50, 50 + reply.length);
    assert.ok(answers(part, sequence));
    assert.deepEqual(decodeReply(tracking, part), decodeReply(tracking, reply));
  });

  test("is not changed by being read", () => {
    const before = hex(reply);
    decodeReply(tracking, reply);
    assert.equal(hex(reply), before);
  });
});

describe("each invalid field of the header has its own error:", () => {
  const cases: readonly (readonly [what: string, patch: Patch, error: ChronyError])[] = [
    ...[0, 4, 5, 7, 255].map(
      (version) =>
        [
          `version ${version}`,
          { offset: 0, width: 1, value: version },
          { kind: "wrong version", report: "TRACKING", version },
        ] as const,
    ),
    ...[0, 1, 3].map(
      (packetType) =>
        [
          `packet type ${packetType}${packetType === 1 ? ", our own request come back" : ""}`,
          { offset: 1, width: 1, value: packetType },
          { kind: "wrong packet type", report: "TRACKING", packetType },
        ] as const,
    ),
    ...[32, 34, 0x2100].map(
      (command) =>
        [
          `command ${command}`,
          { offset: 4, width: 2, value: command },
          { kind: "wrong command", report: "TRACKING", command, expected: 33 },
        ] as const,
    ),
    ...[1, 2, 3, 19, 0xffff].map(
      (status) =>
        [
          `status ${status}`,
          { offset: 8, width: 2, value: status },
          { kind: "refused", report: "TRACKING", status },
        ] as const,
    ),
    ...[0, 1, 6, 0x0500].map(
      (code) =>
        [
          `reply code ${code}`,
          { offset: 6, width: 2, value: code },
          { kind: "wrong reply", report: "TRACKING", code, expected: [5] },
        ] as const,
    ),
  ];
  for (const [what, patch, error] of cases) {
    test(what, () => assert.deepEqual(errorOf(tracking, patched(reply, patch)), error));
  }

  test("unused fields are not checked, because a later chronyd may use them", () => {
    const reserved = [2, 3, 10, 15, 20, 27].map(
      (offset) => ({ offset, width: 1, value: 0xff }) as const,
    );
    assert.deepEqual(
      decodeReply(tracking, patched(reply, ...reserved)),
      decodeReply(tracking, reply),
    );
  });
});

describe("a reply with another length is an error:", () => {
  test("every length below that of a header", () => {
    for (let bytes = 0; bytes < 28; bytes += 1) {
      assert.deepEqual(errorOf(tracking, reply.subarray(0, bytes)), {
        kind: "truncated",
        report: "TRACKING",
        bytes,
        neededBytes: 28,
      });
    }
  });

  test("every length below that of the report", () => {
    for (let bytes = 28; bytes < 104; bytes += 1) {
      assert.deepEqual(errorOf(tracking, reply.subarray(0, bytes)), {
        kind: "wrong length",
        report: "TRACKING",
        bytes,
        expectedBytes: 104,
      });
    }
  });

  test("longer by a byte, and by many", () => {
    for (const bytes of [105, 108, 65_000]) {
      const packet = new Uint8Array(bytes);
      packet.set(reply);
      assert.deepEqual(errorOf(tracking, packet), {
        kind: "wrong length",
        report: "TRACKING",
        bytes,
        expectedBytes: 104,
      });
    }
  });
});

describe("a real chronyd's refusal is reported by its status, even without data:", () => {
  const cases: readonly (readonly [keyof typeof REFUSALS, command: number, status: number])[] = [
    ["badVersion", 33, 18],
    ["badLength", 33, 19],
    ["unknownCommand", 99, 3],
    ["noSuchSource", 15, 4],
    ["notPermitted", 57, 2],
  ];
  for (const [refusal, command, status] of cases) {
    test(refusal, () => {
      assert.deepEqual(errorOf({ ...tracking, command }, REFUSALS[refusal]), {
        kind: "refused",
        report: "TRACKING",
        status,
      });
    });
  }
});

test("an answer to another command is reported as that, and not as a short reply", () => {
  for (const other of Object.values(OTHER_REPLIES)) {
    assert.equal(errorOf(tracking, other).kind, "wrong command");
  }
});

describe("a report with several layouts", () => {
  const report: Report<string> = {
    name: "SEVERAL",
    command: 33,
    requestBytes: 104,
    replies: [
      { code: 4, bytes: 96, decode: () => "older" },
      { code: 5, bytes: 104, decode: () => "newer" },
    ],
  };

  test("is read by the layout of its code", () => {
    assert.deepEqual(decodeReply(report, reply), { ok: true, value: "newer" });
    const older = patched(reply, { offset: 6, width: 2, value: 4 }).subarray(0, 96);
    assert.deepEqual(decodeReply(report, older), { ok: true, value: "older" });
  });

  test("must have the length of its own code, not of another one", () => {
    const older = patched(reply, { offset: 6, width: 2, value: 4 });
    const error = { kind: "wrong length", report: "SEVERAL", bytes: 104, expectedBytes: 96 };
    assert.deepEqual(errorOf(report, older), error);
  });

  test("names all its codes when there is another", () => {
    const other = patched(reply, { offset: 6, width: 2, value: 6 });
    const error = { kind: "wrong reply", report: "SEVERAL", code: 6, expected: [4, 5] };
    assert.deepEqual(errorOf(report, other), error);
  });
});

test("a field with an invalid value is an error of the report, with the field's sentence", () => {
  const strict: Report<never> = {
    ...tracking,
    replies: [
      {
        code: 5,
        bytes: 104,
        decode: () => {
          throw new InvalidField("the leap status at byte 54 is 9, expected 0 to 3");
        },
      },
    ],
  };
  assert.deepEqual(errorOf(strict, reply), {
    kind: "invalid field",
    report: "TRACKING",
    detail: "the leap status at byte 54 is 9, expected 0 to 3",
  });
});

test("a bug in a decoder is not reported as an invalid reply", () => {
  const faulty: Report<number> = {
    ...tracking,
    replies: [{ code: 5, bytes: 104, decode: (data) => data.getUint32(102) }],
  };
  assert.throws(() => decodeReply(faulty, reply), RangeError);
});

function hex(packet: Uint8Array): string {
  return Buffer.from(packet).toString("hex");
}
