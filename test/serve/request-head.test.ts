// Heads of requests by RFC 9112: the accepted ones, and the status of the rejected ones.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { failure } from "../../src/result.ts";
import { type BadRequest, parseRequestHead } from "../../src/serve/request-head.ts";

const GET = "GET /livez HTTP/1.1";
const HOST = "Host: node:9464";

const NO_REQUEST = bad("The first line is not a request of HTTP/1.0 or HTTP/1.1.");
const NO_HEADER = bad("A header line is invalid.");
const NO_HOST = bad("Exactly one Host header is required.");
const NO_LENGTH = bad("Content-Length is not a single number.");
const NO_ENCODING = bad("Transfer-Encoding must be chunked, without Content-Length.");
const NOT_EXPECTED: BadRequest = { status: 417, text: "Expect must be 100-continue." };

function bad(text: string): BadRequest {
  return { status: 400, text };
}

describe("a head is accepted", () => {
  const plain = { method: "GET", target: "/livez", keepsConnection: true, hasBody: false };
  const cases = [
    ["of HTTP/1.1, which keeps the connection", [GET, HOST], plain],
    ["with an empty host", [GET, "Host:"], plain],
    [
      "of HTTP/1.0, which needs no host and closes",
      ["GET /livez HTTP/1.0"],
      { ...plain, keepsConnection: false },
    ],
    ["that closes", [GET, HOST, "connection: Close"], { ...plain, keepsConnection: false }],
    [
      "that closes, among other words",
      [GET, HOST, "Connection: upgrade,close", "Upgrade: h2c"],
      { ...plain, keepsConnection: false },
    ],
    ["with values that are no ASCII", [GET, HOST, "X: \xff\tb "], plain],
    ["with a length of 0", [GET, HOST, "Content-Length: 0"], plain],
    ["with a length", [GET, HOST, "Content-Length: 12"], { ...plain, hasBody: true }],
    ["with chunks", [GET, HOST, "Transfer-Encoding: Chunked"], { ...plain, hasBody: true }],
    [
      "that waits before it sends its body",
      [GET, HOST, "Expect: 100-continue", "Content-Length: 1"],
      { ...plain, hasBody: true },
    ],
    [
      "of any method and target",
      ["QUERY http://node/a?b#c HTTP/1.1", HOST],
      { ...plain, method: "QUERY", target: "http://node/a?b#c" },
    ],
  ] as const;
  for (const [what, lines, value] of cases) {
    test(what, () => {
      assert.deepEqual(parseRequestHead(lines.join("\r\n")), { ok: true, value });
    });
  }
});

describe("a head is rejected", () => {
  const cases = [
    ["of another version", ["GET / HTTP/2.0", HOST], NO_REQUEST],
    ["without a version", ["GET /", HOST], NO_REQUEST],
    ["with two blanks", ["GET  / HTTP/1.1", HOST], NO_REQUEST],
    ["with a tab for a blank", ["GET\t/ HTTP/1.1", HOST], NO_REQUEST],
    ["with a target that is no ASCII", ["GET /\xff HTTP/1.1", HOST], NO_REQUEST],
    ["that is empty", [""], NO_REQUEST],
    ["without a host", [GET], NO_HOST],
    ["with two hosts", [GET, HOST, HOST], NO_HOST],
    ["with a blank before a colon", [GET, HOST, "X : a"], NO_HEADER],
    ["with a header on two lines", [GET, HOST, "X: a", " b"], NO_HEADER],
    ["with a header without a name", [GET, HOST, ": a"], NO_HEADER],
    ["with a line feed alone", [GET, `${HOST}\nX: a`], NO_HEADER],
    ["with a carriage return alone", [GET, `${HOST}\rX: a`], NO_HEADER],
    ["with a zero", [GET, HOST, "X: a\0"], NO_HEADER],
    ["with two lengths", [GET, HOST, "Content-Length: 1", "Content-Length: 1"], NO_LENGTH],
    ["with a list of lengths", [GET, HOST, "Content-Length: 1, 1"], NO_LENGTH],
    ["with a length below zero", [GET, HOST, "Content-Length: -1"], NO_LENGTH],
    ["with a length that is too long", [GET, HOST, `Content-Length: ${"9".repeat(20)}`], NO_LENGTH],
    ["with a length in another notation", [GET, HOST, "Content-Length: 0x4"], NO_LENGTH],
    ["with an empty length", [GET, HOST, "Content-Length:"], NO_LENGTH],
    [
      "with a length and chunks",
      [GET, HOST, "Content-Length: 0", "Transfer-Encoding: chunked"],
      NO_ENCODING,
    ],
    ["with another encoding", [GET, HOST, "Transfer-Encoding: gzip, chunked"], NO_ENCODING],
    [
      "with two encodings",
      [GET, HOST, "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
      NO_ENCODING,
    ],
    ["that expects what nobody does", [GET, HOST, "Expect: more"], NOT_EXPECTED],
  ] as const;
  for (const [what, lines, error] of cases) {
    test(`${what}: ${error.status}`, () => {
      const head = parseRequestHead(lines.join("\r\n"));
      assert.deepEqual(head, failure(error));
    });
  }
});

test("any text gives a head or a status", () => {
  const line = fc.oneof(fc.constantFrom(GET, HOST, "Content-Length: 1"), fc.string());
  fc.assert(
    fc.property(fc.array(line, { maxLength: 5 }), (lines) => {
      const head = parseRequestHead(lines.join("\r\n"));
      assert.ok(head.ok || [400, 417].includes(head.error.status));
    }),
  );
});
