// N_SOURCES with the replies of real chronyds (report-captures.ts).

import assert from "node:assert/strict";
import { test } from "node:test";
import { numberOfSources } from "../../src/chrony/number-of-sources.ts";
import { decodeReply, encodeRequest } from "../../src/chrony/packet.ts";
import { failure } from "../../src/result.ts";
import { decoded } from "./decoded.ts";
import { FACEBOOK, NUMBER_OF_SOURCES } from "./report-captures.ts";
import { patched } from "./wire.ts";

test("is requested by the command alone", () => {
  const request = encodeRequest(numberOfSources, 0, 0x0102_0304);
  assert.equal(Buffer.from(request).toString("hex"), `06010000000e000001020304${"00".repeat(20)}`);
});

test("counts every source, also the unresolved one", () => {
  assert.equal(decoded(numberOfSources, NUMBER_OF_SOURCES), 8);
  assert.equal(decoded(numberOfSources, FACEBOOK.numberOfSources), 18);
});

test("has four bytes", () => {
  const reply = patched(NUMBER_OF_SOURCES, { offset: 28, width: 4, value: 0xffff_ffff });
  assert.equal(decoded(numberOfSources, reply), 0xffff_ffff);
});

test("has chrony's name in errors", () => {
  assert.deepEqual(
    decodeReply(numberOfSources, NUMBER_OF_SOURCES.subarray(0, 31)),
    failure({ kind: "wrong length", report: "N_SOURCES", bytes: 31, expectedBytes: 32 }),
  );
});
