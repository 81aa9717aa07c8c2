// The client with fake packet sockets, which record what is sent and receive what a case gives. Time is node:test's mock.
// The replies are captures of real chronyds (captures.ts) with the request's sequence.

import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import type { ChronyError } from "../../src/chrony/chrony-error.ts";
import { ANSWER_DEADLINE_MS, ChronyClient } from "../../src/chrony/client.ts";
import { DatagramSocket } from "../../src/chrony/datagram-socket.ts";
import type { PacketListener } from "../../src/chrony/packet-socket.ts";
import { type Tracking, tracking } from "../../src/chrony/tracking.ts";
import { unixDatagramSocket } from "../../src/chrony/unix-datagram.ts";
import { failure, type Result, success } from "../../src/result.ts";
import { folderOf } from "../parts/scratch-folder.ts";
import { LOCAL, NEVER_SYNCHRONISED, type TrackingCapture } from "./captures.ts";
import { patched } from "./wire.ts";

const ADDRESS = "fake://chronyd";
const RESEND_AFTER_MS = 500;
const SOCKET_FAILED: ChronyError = { kind: "socket failed", address: ADDRESS, detail: "fake" };

/** A socket that leads nowhere. */
class FakePacketSocket {
  readonly sent: Uint8Array[] = [];
  closedTimes = 0;
  readonly listener: PacketListener;

  constructor(listener: PacketListener) {
    this.listener = listener;
  }

  send(packet: Uint8Array): void {
    this.sent.push(packet);
  }

  close(): void {
    this.closedTimes += 1;
  }

  /** The sequence of a packet that was sent, the first one being 0. */
  sequenceOf(index: number): number {
    const packet = this.sent[index];
    assert.ok(packet !== undefined, `only ${this.sent.length} packets were sent`);
    return new DataView(packet.buffer).getUint32(8);
  }

  /** Receives a reply to the packet of this sequence. */
  receive({ reply }: TrackingCapture, sequence: number): void {
    this.listener.received(patched(reply, { offset: 16, width: 4, value: sequence }));
  }
}

async function openClient(t: TestContext): Promise<{
  client: ChronyClient;
  socket: FakePacketSocket;
}> {
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  let opened: FakePacketSocket | undefined;
  const client = await ChronyClient.open({
    text: ADDRESS,
    open: (listener) => {
      opened = new FakePacketSocket(listener);
      return Promise.resolve(success(opened));
    },
  });
  assert.ok(client.ok && opened !== undefined);
  return { client: client.value, socket: opened };
}

function replyTo(sequence: number): Uint8Array {
  return patched(LOCAL.reply, { offset: 16, width: 4, value: sequence });
}

/** The result of a request so far, without waiting for it. */
async function soFar(
  answer: Promise<Result<Tracking, ChronyError>>,
): Promise<Result<Tracking, ChronyError> | "waiting"> {
  const { promise: later, resolve } = Promise.withResolvers<"waiting">();
  setImmediate(resolve, "waiting");
  return Promise.race([answer, later]);
}

/** The stratum in the received answer. */
async function stratumIn(answer: Promise<Result<Tracking, ChronyError>>): Promise<number> {
  const result = await soFar(answer);
  assert.ok(result !== "waiting", "no answer yet");
  assert.ok(result.ok, "the question failed");
  return result.value.stratum;
}

describe("a request to chronyd", () => {
  test("is sent once, as the request of its report, and answered", async (t) => {
    const { client, socket } = await openClient(t);
    const answer = client.ask(tracking);
    assert.equal(socket.sent.length, 1);
    assert.equal(new DataView(socket.sent[0]?.buffer ?? new ArrayBuffer(8)).getUint16(4), 33);
    socket.receive(LOCAL, socket.sequenceOf(0));
    assert.equal(await stratumIn(answer), 10);
  });

  test("is not sent again once it is answered", async (t) => {
    const { client, socket } = await openClient(t);
    const answer = client.ask(tracking);
    socket.receive(LOCAL, socket.sequenceOf(0));
    assert.equal(await stratumIn(answer), 10);
    t.mock.timers.tick(10 * ANSWER_DEADLINE_MS);
    assert.equal(socket.sent.length, 1);
  });

  test("takes no timer when its answer is there at once", async (t) => {
    const { client, socket } = await openClient(t);
    t.mock.method(socket, "send", (packet: Uint8Array) => {
      socket.sent.push(packet);
      socket.receive(LOCAL, socket.sequenceOf(0));
    });
    const timer = t.mock.method(globalThis, "setTimeout");
    assert.ok((await client.ask(tracking)).ok);
    assert.equal(timer.mock.callCount(), 0);
  });

  test("takes no packet that came before it", async (t) => {
    const { client, socket } = await openClient(t);
    assert.equal(socket.listener.received(replyTo(0)), false);
    const answer = client.ask(tracking);
    assert.equal(await soFar(answer), "waiting");
    socket.receive(LOCAL, socket.sequenceOf(0));
    assert.equal(await stratumIn(answer), 10);
  });

  test("ignores answers to another request, such as a late reply", async (t) => {
    const { client, socket } = await openClient(t);
    const answer = client.ask(tracking);
    const sequence = socket.sequenceOf(0);
    socket.receive(NEVER_SYNCHRONISED, sequence ^ 1);
    socket.listener.received(new Uint8Array(3));
    assert.equal(await soFar(answer), "waiting");
    socket.receive(LOCAL, sequence);
    assert.equal(await stratumIn(answer), 10);
  });

  test("ends with an error when its own answer is invalid", async (t) => {
    const { client, socket } = await openClient(t);
    const answer = client.ask(tracking);
    const refusal = patched(
      LOCAL.reply,
      { offset: 8, width: 2, value: 1 },
      { offset: 16, width: 4, value: socket.sequenceOf(0) },
    );
    socket.listener.received(refusal);
    const error: ChronyError = { kind: "refused", report: "TRACKING", status: 1 };
    assert.deepEqual(await soFar(answer), failure(error));
  });
});

describe("a request without an answer", () => {
  test("is sent once more, with a new sequence and the next attempt's number", async (t) => {
    const { client, socket } = await openClient(t);
    const answer = client.ask(tracking);
    t.mock.timers.tick(RESEND_AFTER_MS - 1);
    assert.equal(socket.sent.length, 1);
    t.mock.timers.tick(1);
    assert.equal(socket.sent.length, 2);
    assert.notEqual(socket.sequenceOf(1), socket.sequenceOf(0));
    const attempts = socket.sent.map((packet) => new DataView(packet.buffer).getUint16(6));
    assert.deepEqual(attempts, [0, 1]);
    socket.receive(LOCAL, socket.sequenceOf(1));
    assert.equal(await stratumIn(answer), 10);
  });

  for (const send of [0, 1]) {
    test(`accepts the answer to either of its sends: here to number ${send}, after both`, async (t) => {
      const { client, socket } = await openClient(t);
      const answer = client.ask(tracking);
      t.mock.timers.tick(RESEND_AFTER_MS);
      socket.receive(LOCAL, socket.sequenceOf(send));
      assert.equal(await stratumIn(answer), 10);
    });
  }

  test("accepts an answer at its deadline, and none that is read later, because it may be old", async (t) => {
    const { client, socket } = await openClient(t);
    let nowMs = 5_000;
    t.mock.method(performance, "now", () => nowMs);
    const first = client.ask(tracking);
    nowMs += ANSWER_DEADLINE_MS;
    socket.receive(LOCAL, socket.sequenceOf(0));
    assert.equal(await stratumIn(first), 10);

    const second = client.ask(tracking);
    nowMs += ANSWER_DEADLINE_MS + 0.001;
    socket.receive(LOCAL, socket.sequenceOf(1));
    assert.equal(await soFar(second), "waiting");
    t.mock.timers.tick(ANSWER_DEADLINE_MS);
    const result = await soFar(second);
    assert.ok(result !== "waiting" && !result.ok);
    assert.equal(result.error.kind, "timed out");
  });

  test("fails at the deadline, not before, and is sent at most twice", async (t) => {
    const { client, socket } = await openClient(t);
    const answer = client.ask(tracking);
    t.mock.timers.tick(ANSWER_DEADLINE_MS - 1);
    assert.equal(await soFar(answer), "waiting");
    t.mock.timers.tick(1);
    assert.deepEqual(
      await soFar(answer),
      failure({ kind: "timed out", report: "TRACKING", address: ADDRESS, afterMs: 1000 }),
    );
    t.mock.timers.tick(10 * ANSWER_DEADLINE_MS);
    assert.equal(socket.sent.length, 2);
  });

  test("is not extended by packets that are not its answer", async (t) => {
    const { client, socket } = await openClient(t);
    const answer = client.ask(tracking);
    for (let passedMs = 0; passedMs < ANSWER_DEADLINE_MS; passedMs += 100) {
      socket.receive(LOCAL, socket.sequenceOf(0) ^ 1);
      t.mock.timers.tick(100);
    }
    const result = await soFar(answer);
    assert.ok(result !== "waiting" && !result.ok);
    assert.equal(result.error.kind, "timed out");
  });
});

describe("a socket that fails", () => {
  test("during a request ends it at once", async (t) => {
    const { client, socket } = await openClient(t);
    const answer = client.ask(tracking);
    socket.listener.failed(SOCKET_FAILED);
    assert.deepEqual(await soFar(answer), failure(SOCKET_FAILED));
  });

  test("while a request is sent ends it, too", async (t) => {
    const { client, socket } = await openClient(t);
    t.mock.method(socket, "send", () => socket.listener.failed(SOCKET_FAILED));
    assert.deepEqual(await soFar(client.ask(tracking)), failure(SOCKET_FAILED));
  });

  test("before a request fails it unsent, with the first failure", async (t) => {
    const { client, socket } = await openClient(t);
    socket.listener.failed(SOCKET_FAILED);
    socket.listener.failed({ kind: "nobody listens", address: ADDRESS });
    assert.deepEqual(await soFar(client.ask(tracking)), failure(SOCKET_FAILED));
    assert.equal(socket.sent.length, 0);
  });

  test("cannot be opened: no client, but the reason", async () => {
    const missing: ChronyError = { kind: "socket missing", path: "/fake" };
    const client = await ChronyClient.open({
      text: ADDRESS,
      open: () => Promise.resolve(failure(missing)),
    });
    assert.deepEqual(client, failure(missing));
  });
});

describe("two consecutive requests on one socket", () => {
  test("have their own sequences, and each gets its own answer", async (t) => {
    const { client, socket } = await openClient(t);
    const first = client.ask(tracking);
    socket.receive(LOCAL, socket.sequenceOf(0));
    assert.equal(await stratumIn(first), 10);
    const second = client.ask(tracking);
    assert.notEqual(socket.sequenceOf(1), socket.sequenceOf(0));
    socket.receive(NEVER_SYNCHRONISED, socket.sequenceOf(1));
    assert.equal(await stratumIn(second), 0);
  });

  test("do not mix, when the first one's answer comes after its deadline", async (t) => {
    const { client, socket } = await openClient(t);
    const first = client.ask(tracking);
    t.mock.timers.tick(ANSWER_DEADLINE_MS);
    assert.notEqual(await soFar(first), "waiting");
    socket.receive(NEVER_SYNCHRONISED, socket.sequenceOf(1));

    const second = client.ask(tracking);
    socket.receive(NEVER_SYNCHRONISED, socket.sequenceOf(0));
    socket.receive(NEVER_SYNCHRONISED, socket.sequenceOf(1));
    assert.equal(await soFar(second), "waiting");
    socket.receive(LOCAL, socket.sequenceOf(2));
    assert.equal(await stratumIn(second), 10);
  });
});

test("closing frees the socket once, however often it is closed", async (t) => {
  const { client, socket } = await openClient(t);
  client.close();
  client.close();
  assert.equal(socket.closedTimes, 1);
});

test("waits on when the first packet of a Unix socket answers another question", async (t) => {
  const folder = await folderOf(t);
  const path = join(folder, "fake-chronyd.sock");
  const fakeChronyd = new DatagramSocket();
  t.after(() => fakeChronyd.close());
  fakeChronyd.bind(path);
  const client = await ChronyClient.open({
    text: `unix://${path}`,
    open: unixDatagramSocket(path),
  });
  assert.ok(client.ok);
  t.after(() => client.value.close());
  const own = (await readdir(folder)).find((name) => name.startsWith("chrony-tracker."));
  fakeChronyd.connect(join(folder, own ?? ""));
  fakeChronyd.send(replyTo(0));
  const { promise: asked, resolve } = Promise.withResolvers<Buffer>();
  fakeChronyd.receive(resolve, (error) => assert.fail(String(error)));
  // So that nothing is sent again.
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const answer = client.value.ask(tracking);
  fakeChronyd.send(replyTo((await asked).readUInt32BE(8)));
  assert.ok((await answer).ok);
});
