// Invalid and hostile answers: any bytes, endless ones, too many, truncated, extremely compressed. And any content of the
// files that a push reads. A push ends in time, with a result, and no answer fills the memory or the log.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { describePushError } from "../../src/push/answer.ts";
import { attempt } from "../../src/push/attempt.ts";
import type { OtlpSettings } from "../../src/settings.ts";
import { Random } from "../parts/random.ts";
import { runToEnd } from "../parts/run-to-end.ts";
import { type ScratchFolder, scratchFolder } from "../parts/scratch-folder.ts";
import { type Answer, accept, FakeCollector } from "./fake-collector.ts";

const SEED = 0x6368_726f;
const ANSWERS = 600;
const AT_ONCE = 20;
/** The timeout of a push that hangs. */
const LIMIT_MS = 300;
/** For a push that ends by itself. */
const NO_LIMIT_MS = 30_000;
const LONGEST_DETAIL = 300;
/** An answer's 300 characters, and the sentence around them. */
const LONGEST_SENTENCE = 700;
const MIB = 1024 * 1024;
const MEMORY_GROWTH_MIB = 256;

const BODY = Buffer.from('{"resourceMetrics":[]}');

/**
 * Pushes, and checks what has to hold of every push.
 * @returns how it ended: "accepted", or the error's kind
 */
async function pushTo(
  port: number,
  what: string,
  overrides: Partial<OtlpSettings> = {},
  limitMs = LIMIT_MS,
): Promise<string> {
  const settings: OtlpSettings = {
    url: `http://127.0.0.1:${port}/v1/metrics`,
    compression: "none",
    headers: { "x-case": what },
    timeoutMs: limitMs,
    certificateFile: undefined,
    clientCertificateFile: undefined,
    clientKeyFile: undefined,
    tokenFile: undefined,
    ...overrides,
  };
  const { outcome } = await attempt(settings, {
    body: BODY,
    headers: {},
    limitMs,
    cut: undefined,
  });
  if (outcome.kind === "accepted") {
    assert.ok(outcome.reason.length <= LONGEST_DETAIL);
    return "accepted";
  }
  const sentence = describePushError(outcome.error);
  assert.ok(sentence.length <= LONGEST_SENTENCE, `${what}: ${sentence.length} characters`);
  assert.match(sentence, /^[\x20-\x7e…]+$/, what);
  return outcome.error.kind;
}

/** Sends bytes unchanged. `then` ends the connection, or leaves it open until the timeout. */
function raw(bytes: Uint8Array | string, then: "end" | "reset" | "hold"): Answer {
  return ({ socket }) => {
    socket?.write(bytes, () => {
      if (then === "end") {
        socket.end();
      } else if (then === "reset") {
        socket.resetAndDestroy();
      }
    });
  };
}

/** Sends the same bytes again and again, as fast as they are read. */
function endless(head: string, chunk: string | Uint8Array): Answer {
  return ({ socket }) => {
    socket?.write(head);
    const more = () => {
      let hasRoom = true;
      while (hasRoom) {
        hasRoom = socket?.writable === true && socket.write(chunk);
      }
    };
    socket?.on("drain", more);
    more();
  };
}

const OK = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
const ZEROS = Buffer.alloc(64 * MIB);

/** An answer, and how the push that gets it ends. */
const CASES: Readonly<Record<string, readonly [answer: Answer, end: string]>> = {
  "an endless body": [endless(`${OK}\r\n`, Buffer.alloc(65_536, "[")), "not OTLP"],
  "an endless body of endless chunks": [
    endless(`${OK}transfer-encoding: chunked\r\n\r\n`, `ffff\r\n${"x".repeat(65_535)}\r\n`),
    "not OTLP",
  ],
  "an endless header": [endless(OK, "x-more: and more\r\n".repeat(1_000)), "not reached"],
  "an endless refusal": [endless("HTTP/1.1 400 No\r\n\r\n", Buffer.alloc(65_536, "x")), "answered"],
  "endless news before the answer": [
    endless("", "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(1_000)),
    "timed out",
  ],
  "an endless chunk extension": [
    endless(`${OK}transfer-encoding: chunked\r\n\r\n1;`, "x".repeat(65_536)),
    "not reached",
  ],
  "a bomb, packed by gzip": [
    raw(
      Buffer.concat([Buffer.from(`${OK}content-encoding: gzip\r\n\r\n`), gzipSync(ZEROS)]),
      "end",
    ),
    "not OTLP",
  ],
  "a bomb, packed by brotli": [
    raw(
      Buffer.concat([Buffer.from(`${OK}content-encoding: br\r\n\r\n`), brotliCompressSync(ZEROS)]),
      "end",
    ),
    "not OTLP",
  ],
  "JSON of a depth that breaks parsers": [
    raw(`HTTP/1.1 400 No\r\n\r\n${'{"message":'.repeat(300_000)}`, "end"),
    "answered",
  ],
  "a message of 3 MB": [
    raw(
      `HTTP/1.1 400 No\r\n\r\n${JSON.stringify({ message: "é\u0007no".repeat(300_000) })}`,
      "end",
    ),
    "answered",
  ],
  "a partial success that says much": [
    raw(
      `${OK}\r\n${JSON.stringify({ partialSuccess: { errorMessage: "x".repeat(9_000) } })}`,
      "end",
    ),
    "accepted",
  ],
  "a chunk of no size": [
    raw(`${OK}transfer-encoding: chunked\r\n\r\nzz\r\n`, "hold"),
    "not reached",
  ],
  "a switch of protocols": [
    raw("HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n", "hold"),
    "not reached",
  ],
  "another protocol": [raw("220 mail.example ESMTP\r\n", "hold"), "not reached"],
};

describe("a push", () => {
  for (const [what, [answer, end]] of Object.entries(CASES)) {
    test(`ends in time when the answer is ${what}`, async (t) => {
      const collector = await startCollector(t, answer);
      const beforeMib = process.memoryUsage.rss() / MIB;
      const limitMs = end === "timed out" ? LIMIT_MS : NO_LIMIT_MS;
      assert.equal(await pushTo(collector.port, what, {}, limitMs), end);
      const grownMib = process.memoryUsage.rss() / MIB - beforeMib;
      assert.ok(grownMib < MEMORY_GROWTH_MIB, `${grownMib} MiB more`);
    });
  }

  test(`ends, whatever ${ANSWERS} random answers are (seed ${SEED})`, async (t) => {
    const random = new Random(SEED);
    const answers = Array.from({ length: ANSWERS }, () => randomAnswer(random));
    const collector = await startCollector(t, (response) => {
      const bytes = answers[Number(response.req.headers["x-case"])] ?? new Uint8Array();
      raw(bytes, bytes.length % 3 === 0 ? "reset" : "end")(response);
    });
    const ends = new Map<string, number>();
    for (let first = 0; first < ANSWERS; first += AT_ONCE) {
      const batch = Array.from({ length: AT_ONCE }, async (_, index) => {
        const what = String(first + index);
        const end = await pushTo(collector.port, what);
        ends.set(end, (ends.get(end) ?? 0) + 1);
      });
      await Promise.all(batch);
    }
    t.diagnostic(JSON.stringify(Object.fromEntries(ends)));
    assert.ok(
      ["accepted", "answered", "not OTLP", "redirected", "not reached"].every((end) =>
        ends.has(end),
      ),
    );
  });
});

describe("a file that a push reads", () => {
  let scratch: ScratchFolder;
  let folder: string;
  before(async () => {
    scratch = await scratchFolder("ct");
    folder = scratch.path;
    await runToEnd({
      name: "mkfifo",
      command: "mkfifo",
      args: [join(folder, "pipe")],
      timeoutMs: 10_000,
    });
    await writeFile(join(folder, "huge"), Buffer.alloc(8 * MIB, "x"));
    await writeFile(join(folder, "binary"), new Random(SEED).bytes(10_000));
  });
  after(() => scratch.remove());

  const files = { "a pipe that nobody writes to": "pipe", huge: "huge", "a folder": "." };
  for (const [what, name] of Object.entries(files)) {
    for (const setting of ["tokenFile", "certificateFile"] as const) {
      test(`and that is ${what} fails the push (${setting})`, async (t) => {
        const collector = await startCollector(t, accept);
        const url = `https://127.0.0.1:${collector.port}/v1/metrics`;
        const overrides = {
          [setting]: join(folder, name),
          ...(setting !== "tokenFile" && { url }),
        };
        const end = await pushTo(collector.port, what, overrides, NO_LIMIT_MS);
        assert.equal(end, "file unreadable");
        assert.equal(collector.attempts.length, 0);
      });
    }
  }

  test("and that is an endless device fails the push", async (t) => {
    const collector = await startCollector(t, accept);
    const overrides = { tokenFile: "/dev/zero" };
    assert.equal(await pushTo(collector.port, "zero", overrides), "file unreadable");
  });

  test("and that holds any bytes fails the push, and is not told", async (t) => {
    const collector = await startCollector(t, accept);
    const binary = join(folder, "binary");
    assert.equal(await pushTo(collector.port, "token", { tokenFile: binary }), "token malformed");
    const url = `https://127.0.0.1:${collector.port}/v1/metrics`;
    const overrides = { url, certificateFile: binary };
    assert.equal(await pushTo(collector.port, "certificate", overrides), "not reached");
  });
});

async function startCollector(t: TestContext, answer: Answer): Promise<FakeCollector> {
  const collector = await FakeCollector.start(answer);
  t.after(() => collector.stop());
  return collector;
}

/** A valid answer with one or a few mutations. */
function randomAnswer(random: Random): Uint8Array {
  const body = random.of(BODIES)(random);
  const lines = [
    `HTTP/1.1 ${random.of(STATUSES)}`,
    ...Array.from({ length: random.below(4) }, () => random.of(HEADERS)),
    ...(random.below(2) === 0 ? [`content-length: ${body.length + random.below(3)}`] : []),
  ];
  let bytes = Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), body]);
  for (let times = random.below(3); times > 0; times -= 1) {
    const index = random.below(bytes.length + 1);
    bytes =
      random.below(3) === 0
        ? bytes.subarray(0, index)
        : Buffer.concat([bytes.subarray(0, index), random.bytes(1), bytes.subarray(index + 1)]);
  }
  return bytes;
}

const STATUSES = [
  "200 OK",
  "200 OK",
  "202",
  "204 No Content",
  "000 None",
  "100 Continue",
  "199 What",
  "301 Moved\r\nlocation: http://169.254.169.254/",
  "400 Bad",
  "401 \xff",
  "413 Large",
  "500 No",
  "503 Busy\r\nretry-after: 99999999999999999999",
  "503 Busy\r\nretry-after: -1",
  "999 Beyond",
  "1000 Far beyond",
];
const HEADERS = [
  "date: Thu, 01 Jan 1970 00:00:00 GMT",
  "date: Fri, 31 Dec 99999 23:59:59 GMT",
  "date: never",
  "content-type: application/json",
  "content-encoding: gzip",
  "transfer-encoding: chunked",
  "content-length: 99999999999999999999",
  "content-length: -1",
  "connection: close",
  `x: ${"a".repeat(20_000)}`,
  "set-cookie: a=b",
];
const BODIES: readonly ((random: Random) => Buffer)[] = [
  () => Buffer.from("{}"),
  () => Buffer.from("null"),
  () => Buffer.from('{"partialSuccess":{"rejectedDataPoints":"NaN","errorMessage":5}}'),
  () => Buffer.from('{"message":{"toString":1}}'),
  () => Buffer.from('{"code":13,"message":"\\u0000\\ud800no"}'),
  () => Buffer.from("4\r\nnull\r\n0\r\n\r\n"),
  () => Buffer.from("<html>".repeat(1_000)),
  (random) => Buffer.from(random.bytes(random.below(3_000))),
  (random) => Buffer.concat([Buffer.of(0x0a, random.below(256)), random.bytes(40)]),
  () => Buffer.alloc(0),
];
