// The sentences of errors. Each contains the values of its error.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type ChronyError, describeChronyError } from "../../src/chrony/chrony-error.ts";

type Kind = ChronyError["kind"];

/** One error of each kind, so that a new kind without a case does not compile. */
const ERRORS: { readonly [K in Kind]: ChronyError & { readonly kind: K } } = {
  "socket missing": { kind: "socket missing", path: "/run/chrony/chronyd.sock" },
  "permission denied": { kind: "permission denied", path: "/run/chrony/chronyd.sock" },
  "nobody listens": { kind: "nobody listens", address: "udp://127.0.0.1:323" },
  "host unknown": { kind: "host unknown", host: "clock.example", detail: "ENOTFOUND" },
  "timed out": {
    kind: "timed out",
    report: "TRACKING",
    address: "unix:///run/chrony/chronyd.sock",
    afterMs: 1000,
  },
  "no client socket": { kind: "no client socket", path: "/run/chrony/own.sock", detail: "full" },
  "no native part": { kind: "no native part", detail: "Cannot find module" },
  "socket failed": { kind: "socket failed", address: "udp://[::1]:323", detail: "EMSGSIZE" },
  truncated: { kind: "truncated", report: "TRACKING", bytes: 24, neededBytes: 28 },
  "wrong version": { kind: "wrong version", report: "TRACKING", version: 5 },
  "wrong packet type": { kind: "wrong packet type", report: "TRACKING", packetType: 1 },
  "wrong command": { kind: "wrong command", report: "TRACKING", command: 44, expected: 33 },
  refused: { kind: "refused", report: "TRACKING", status: 19 },
  "wrong reply": { kind: "wrong reply", report: "SERVER_STATS", code: 14, expected: [24, 25] },
  "wrong length": { kind: "wrong length", report: "TRACKING", bytes: 96, expectedBytes: 104 },
  "invalid field": { kind: "invalid field", report: "TRACKING", detail: "the leap status is 4" },
};

describe("the sentence of", () => {
  for (const error of Object.values(ERRORS)) {
    test(`"${error.kind}" contains every value of the error`, () => {
      const sentence = describeChronyError(error);
      for (const [name, value] of Object.entries(error)) {
        if (name !== "kind") {
          for (const part of [value].flat()) {
            assert.ok(sentence.includes(`${part}`), `${name} is missing: ${sentence}`);
          }
        }
      }
      assert.match(sentence, /^[A-Zc].*\.$/, "one sentence, on one line");
    });
  }

  test("each kind has its own sentence", () => {
    const sentences = new Set(Object.values(ERRORS).map(describeChronyError));
    assert.equal(sentences.size, Object.keys(ERRORS).length);
  });
});

test("no answer over a Unix socket may be caused by SELinux, over UDP not", () => {
  const overUnix = ERRORS["timed out"];
  assert.match(describeChronyError(overUnix), /SELinux .*CHRONY_ADDRESS=udp:/);
  const overUdp = { ...overUnix, address: "udp://127.0.0.1:323" };
  assert.match(
    describeChronyError(overUdp),
    /: it is stopped or overloaded, or does not permit this host \(cmdallow\), or a firewall drops the packets\.$/,
  );
});

test("a sentence says what was tried, what was found and what was expected", () => {
  assert.equal(
    describeChronyError(ERRORS["wrong length"]),
    "The reply to TRACKING has 96 bytes, expected 104.",
  );
  assert.equal(
    describeChronyError(ERRORS["wrong reply"]),
    "The reply to SERVER_STATS has code 14, expected 24 or 25: this version of chrony is not supported.",
  );
});

test("without permission for the socket, the sentence names the folder whose owner may use it", () => {
  assert.match(describeChronyError(ERRORS["permission denied"]), /\(see: stat \/run\/chrony\)/);
  const atRoot: ChronyError = { kind: "permission denied", path: "/chronyd.sock" };
  assert.match(describeChronyError(atRoot), /\(see: stat \/\)/);
});

describe("a refusal has its name in candm.h:", () => {
  // STT_… of the protocol page and of candm.h.
  const names: readonly (readonly [status: number, name: RegExp])[] = [
    [1, /status 1 \(FAILED\)/],
    [2, /status 2 \(UNAUTH: .*Unix socket\)/],
    [3, /status 3 \(INVALID: /],
    [4, /status 4 \(NOSUCHSOURCE\)/],
    [18, /status 18 \(BADPKTVERSION: /],
    [19, /status 19 \(BADPKTLENGTH\)/],
    [77, /status 77 \(unknown\)/],
  ];
  for (const [status, name] of names) {
    test(`${status}`, () => {
      assert.match(describeChronyError({ kind: "refused", report: "TRACKING", status }), name);
    });
  }
});
