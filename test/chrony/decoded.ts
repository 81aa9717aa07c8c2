import assert from "node:assert/strict";
import type { ChronyError } from "../../src/chrony/chrony-error.ts";
import { decodeReply, type Report } from "../../src/chrony/packet.ts";

/** The record of a reply, which must be valid. */
export function decoded<Content>(report: Report<Content>, reply: Uint8Array): Content {
  const result = decodeReply(report, reply);
  assert.ok(result.ok, result.ok ? "" : JSON.stringify(result.error));
  return result.value;
}

/** The error of a reply, which must be invalid. */
export function refusalOf(report: Report<unknown>, reply: Uint8Array): ChronyError {
  const result = decodeReply(report, reply);
  assert.ok(!result.ok, "the reply is accepted");
  return result.error;
}
