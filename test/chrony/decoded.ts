import assert from "node:assert/strict";
import type { ChronyError } from "../../src/chrony/chrony-error.ts";
import { decodeReply, type Report } from "../../src/chrony/packet.ts";

/** What a reply says, which must be a good one. */
export function decoded<Content>(report: Report<Content>, reply: Uint8Array): Content {
  const result = decodeReply(report, reply);
  assert.ok(result.ok, result.ok ? "" : JSON.stringify(result.error));
  return result.value;
}

/** Why a reply is refused, as it must be. */
export function refusalOf(report: Report<unknown>, reply: Uint8Array): ChronyError {
  const result = decodeReply(report, reply);
  assert.ok(!result.ok, "the reply is accepted");
  return result.error;
}
