// Packets over Unix datagram sockets (src/chrony/unix-datagram.ts), to sockets of this process. With a
// real chronyd, and the files that agents leave: test/agent/reading.test.ts.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { ChronyError } from "../../src/chrony/chrony-error.ts";
import { DatagramSocket } from "../../src/chrony/datagram-socket.ts";
import { sweepClientSockets, unixDatagramSocket } from "../../src/chrony/unix-datagram.ts";
import { type DatagramServer, startDatagramServer } from "../parts/datagram-server.ts";
import { folderOf } from "../parts/scratch-folder.ts";
import { waitFor } from "../parts/wait-for.ts";

/** What becomes of one socket. */
class Listener {
  readonly packets: string[] = [];
  readonly errors: ChronyError[] = [];
  /** Which packet is the answer that was waited for. */
  readonly #answer: string;

  constructor(answer = "") {
    this.#answer = answer;
  }

  received(packet: Uint8Array): boolean {
    const text = Buffer.from(packet).toString();
    this.packets.push(text);
    return text === this.#answer;
  }

  failed(error: ChronyError): void {
    this.errors.push(error);
  }
}

const bytes = (text: string) => Buffer.from(text);
const clientSocketName = (digit: string) => `chrony-tracker.${digit.repeat(32)}.sock`;

/** A path, and a server there that answers with each of the packet's words. */
async function startServer(t: TestContext): Promise<{ path: string; server: DatagramServer }> {
  const path = join(await folderOf(t), "chronyd.sock");
  const server = startDatagramServer(path, (packet, answer) => {
    for (const word of packet.toString().split(" ")) {
      answer(bytes(word));
    }
  });
  t.after(() => server.close());
  return { path, server };
}

async function open(t: TestContext, path: string, listener = new Listener()) {
  const opened = await unixDatagramSocket(path)(listener);
  assert.ok(opened.ok, JSON.stringify(opened));
  t.after(() => opened.value.close());
  return { listener, socket: opened.value };
}

async function errorOf(path: string): Promise<ChronyError> {
  const opened = await unixDatagramSocket(path)(new Listener());
  assert.ok(!opened.ok);
  return opened.error;
}

test("every packet of an answer is handed over, also after the one that was waited for", async (t) => {
  const { path } = await startServer(t);
  const { listener, socket } = await open(t, path, new Listener("three"));
  socket.send(bytes("one two three four"));
  await waitFor("all of them", () => listener.packets.length === 4);
  assert.deepEqual(listener.packets, ["one", "two", "three", "four"]);
  socket.send(bytes("three"));
  await waitFor("the answer to a second question", () => listener.packets.length === 5);
  assert.deepEqual(listener.errors, []);
});

test("its file has a name of its own beside chronyd's socket, and goes with it", async (t) => {
  const { path } = await startServer(t);
  const folder = join(path, "..");
  const { socket } = await open(t, path);
  const other = await open(t, path);
  const own = readdirSync(folder).filter((name) =>
    /^chrony-tracker\.[0-9a-f]{32}\.sock$/.test(name),
  );
  assert.equal(own.length, 2);
  socket.close();
  socket.close();
  other.socket.close();
  assert.deepEqual(readdirSync(folder), ["chronyd.sock"]);
});

test("a closed one sends nothing, and reports nothing", async (t) => {
  const { path } = await startServer(t);
  const { listener, socket } = await open(t, path);
  const other = await open(t, path, new Listener("yes"));
  socket.send(bytes("late"));
  socket.close();
  rmSync(path);
  socket.send(bytes("none"));
  other.socket.send(bytes("yes"));
  await waitFor("the answer to another", () => other.listener.packets.length === 1);
  assert.deepEqual(listener.errors, []);
});

test("one whose directory went away can be closed", async (t) => {
  const { path } = await startServer(t);
  const { socket } = await open(t, path);
  rmSync(join(path, ".."), { recursive: true });
  socket.close();
});

test("what chronyd's queue does not take is lost: the client sends again", async (t) => {
  const path = join(await folderOf(t), "chronyd.sock");
  const deaf = new DatagramSocket();
  deaf.bind(path);
  t.after(() => deaf.close());
  const { listener, socket } = await open(t, path);
  for (let packet = 0; packet < 1_000; packet += 1) {
    socket.send(bytes("one more"));
  }
  assert.deepEqual(listener.errors, []);
});

test("a chronyd that ends between two questions listens no more", async (t) => {
  const { path, server } = await startServer(t);
  const { listener, socket } = await open(t, path);
  server.close();
  socket.send(bytes("hello"));
  assert.deepEqual(listener.errors, [{ kind: "nobody listens", address: `unix://${path}` }]);
});

test("a packet that the system does not take is an error that says why", async (t) => {
  const { path } = await startServer(t);
  const { listener, socket } = await open(t, path);
  socket.send(Buffer.alloc(16_000_000));
  const [error] = listener.errors;
  assert.ok(error?.kind === "socket failed");
  assert.equal(error.address, `unix://${path}`);
  assert.match(error.detail, /^EMSGSIZE/);
});

test("a socket where nobody listens, none, and one in no directory are told apart", async (t) => {
  const folder = await folderOf(t);
  const path = join(folder, "chronyd.sock");
  assert.deepEqual(await errorOf(path), { kind: "socket missing", path });
  const ended = new DatagramSocket();
  ended.bind(path);
  ended.close();
  assert.deepEqual(await errorOf(path), { kind: "nobody listens", address: `unix://${path}` });
  const nowhere = join(folder, "none", "chronyd.sock");
  assert.deepEqual(await errorOf(nowhere), { kind: "socket missing", path: nowhere });
  assert.deepEqual(readdirSync(folder), ["chronyd.sock"], "no file is left");
});

test("a path that is no socket, or too long for one, is an error that says why", async (t) => {
  const folder = await folderOf(t);
  const file = join(folder, "file");
  writeFileSync(file, "");
  const noSocket = await errorOf(join(file, "chronyd.sock"));
  assert.ok(noSocket.kind === "no client socket");
  assert.match(noSocket.path, /file\/chrony-tracker\.[0-9a-f]{32}\.sock$/);
  assert.match(noSocket.detail, /ENOTDIR/);
  const stream = join(folder, "directory");
  mkdirSync(stream);
  const wrong = await errorOf(stream);
  assert.equal(wrong.kind, "nobody listens");
});

test("only what no process has open is swept, and only under our names", async (t) => {
  const folder = await folderOf(t);
  const inUse = new DatagramSocket();
  inUse.bind(join(folder, clientSocketName("b")));
  t.after(() => inUse.close());
  for (const one of [
    clientSocketName("a"),
    "chronyd.sock",
    `x${clientSocketName("c")}`,
    `${clientSocketName("d")}x`,
  ]) {
    const socket = new DatagramSocket();
    socket.bind(join(folder, one));
    socket.close();
  }
  sweepClientSockets(folder);
  const left = [
    clientSocketName("b"),
    `${clientSocketName("d")}x`,
    "chronyd.sock",
    `x${clientSocketName("c")}`,
  ];
  assert.deepEqual(readdirSync(folder).toSorted(), left.toSorted());
  sweepClientSockets(join(folder, "none"));
  assert.ok(existsSync(folder));
});
