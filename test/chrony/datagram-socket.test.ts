// Unix datagram sockets of the real kernel, between sockets of this process.

import assert from "node:assert/strict";
import { closeSync, openSync } from "node:fs";
import { lstat, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setImmediate as queueImmediate } from "node:timers";
import { setImmediate } from "node:timers/promises";
import koffi from "koffi";
import {
  codeOf,
  DatagramSocket,
  LONGEST_SOCKET_PATH_BYTES,
} from "../../src/chrony/datagram-socket.ts";
import { runToEnd } from "../parts/run-to-end.ts";
import { folderOf } from "../parts/scratch-folder.ts";

const MODULE = new URL("../../src/chrony/datagram-socket.ts", import.meta.url).href;

function opened(t: TestContext): DatagramSocket {
  const socket = new DatagramSocket();
  t.after(() => socket.close());
  return socket;
}

/** A socket that is bound to a path, and one that is connected to it. */
async function connectedPair(t: TestContext) {
  const path = join(await folderOf(t), "server.sock");
  const server = opened(t);
  server.bind(path);
  const client = opened(t);
  client.connect(path);
  return { path, server, client };
}

function fail(error: unknown): never {
  throw error;
}

/** The next packet of a socket. */
function nextPacket(socket: DatagramSocket): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  socket.receive((packet) => resolve(packet.toString()), reject);
  return promise;
}

test("carries packets to a socket, each as it was sent", async (t) => {
  const { server, client } = await connectedPair(t);
  const packets: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  server.receive((packet) => {
    packets.push(packet.toString());
    if (packets.length === 3) {
      resolve();
    }
  }, fail);
  for (const packet of ["one", "", "three"]) {
    client.send(Buffer.from(packet));
  }
  await promise;
  assert.deepEqual(packets, ["one", "", "three"]);
});

test("receives a waiting packet at once, and nothing if there is none", async (t) => {
  const { server, client } = await connectedPair(t);
  assert.equal(server.receiveWithin(0), undefined);
  client.send(Buffer.from("one"));
  client.send(Buffer.alloc(100_000, "x"));
  assert.equal(server.receiveWithin(60_000)?.toString(), "one");
  assert.equal(server.receiveWithin(60_000)?.toString(), "x".repeat(4096));
  assert.equal(server.receiveWithin(1), undefined);
  server.close();
  assert.throws(() => server.receiveWithin(0), {
    code: "EBADF",
    message: "EBADF: the socket is closed",
  });
});

test("reports an error: here that the other socket connected elsewhere, and lost a packet", async (t) => {
  const { server, client } = await connectedPair(t);
  const folder = await folderOf(t);
  client.bind(join(folder, "client.sock"));
  server.connect(join(folder, "client.sock"));
  const other = opened(t);
  other.bind(join(folder, "other.sock"));
  server.send(Buffer.from("never read"));
  const failed = assert.rejects(nextPacket(server), { code: "ECONNRESET" });
  client.connect(join(folder, "other.sock"));
  await failed;
});

test("receives nothing, and no error, if the packet that woke it has been read", async (t) => {
  const { server, client } = await connectedPair(t);
  const next = nextPacket(server);
  await setImmediate();
  client.send(Buffer.from("read before"));
  // It runs before the callback of the socket, which the next poll of the event loop queues behind it.
  const { promise: read, resolve } = Promise.withResolvers<string | undefined>();
  queueImmediate(() => resolve(server.receiveWithin(0)?.toString()));
  assert.equal(await read, "read before");
  await setImmediate();
  client.send(Buffer.from("next"));
  assert.equal(await next, "next");
});

test("loads the C library once", async (t) => {
  await connectedPair(t);
  const { mock } = t.mock.method(koffi, "load");
  await connectedPair(t);
  assert.equal(mock.callCount(), 0);
});

test("a thrown value that is not an error has no code", () => {
  for (const thrown of [undefined, null, "ENOENT", { code: "ENOENT" }]) {
    assert.equal(codeOf(thrown), undefined);
  }
});

test("truncates a packet to 4096 bytes", async (t) => {
  const { server, client } = await connectedPair(t);
  client.send(Buffer.alloc(100_000, "x"));
  assert.equal(await nextPacket(server), "x".repeat(4096));
});

test("receives packets only from the connected socket", async (t) => {
  const { server, client } = await connectedPair(t);
  const path = join(await folderOf(t), "client.sock");
  client.bind(path);
  assert.throws(() => opened(t).connect(path), { code: "EPERM" });
  server.connect(path);
  server.send(Buffer.from("from the server"));
  assert.equal(await nextPacket(client), "from the server");
});

test("reports that the queue of the other socket is full, and never blocks", async (t) => {
  const { server, client } = await connectedPair(t);
  // The kernel's limit is net.unix.max_dgram_qlen.
  const fill = () => {
    for (let sent = 0; sent < 100_000; sent += 1) {
      client.send(Buffer.from("x"));
    }
  };
  assert.throws(fill, { code: "EAGAIN" });
  assert.equal(await nextPacket(server), "x");
});

test("names errors as the system does", async (t) => {
  const { path, server } = await connectedPair(t);
  const folder = await folderOf(t);
  const socket = opened(t);
  assert.throws(() => socket.connect(join(folder, "missing")), {
    code: "ENOENT",
    message: "ENOENT: no such file or directory, connect",
  });
  assert.throws(() => socket.bind(path), {
    code: "EADDRINUSE",
    message: "EADDRINUSE: address already in use, bind",
  });
  assert.throws(() => socket.bind(join(folder, "missing/own.sock")), { code: "ENOENT" });
  await writeFile(join(folder, "file"), "");
  assert.throws(() => socket.bind(join(folder, "file/own.sock")), { code: "ENOTDIR" });
  assert.throws(() => socket.send(Buffer.from("x")), { code: "ENOTCONN" });
  socket.connect(path);
  server.close();
  assert.throws(() => socket.send(Buffer.from("x")), { code: "ECONNREFUSED" });
  assert.throws(() => socket.connect(path), { code: "ECONNREFUSED" });
});

test("accepts a path of 107 bytes, whatever its characters, and none of 108", async (t) => {
  const folder = await folderOf(t);
  const longest = `${folder}/ü`.padEnd(LONGEST_SOCKET_PATH_BYTES - 1, "x");
  assert.equal(Buffer.byteLength(longest), 107);
  const server = opened(t);
  server.bind(longest);
  assert.ok((await lstat(longest)).isSocket());
  const client = opened(t);
  client.connect(longest);
  client.send(Buffer.from("x"));
  assert.equal(await nextPacket(server), "x");
  assert.throws(() => opened(t).bind(`${longest}x`), {
    code: "ENAMETOOLONG",
    message: "ENAMETOOLONG: a socket's path holds 107 bytes",
  });
  assert.throws(() => opened(t).connect(`${longest}x`), { code: "ENAMETOOLONG" });
});

test("occupies no thread while it waits: files can be read with hundreds of waiting sockets", async (t) => {
  for (let i = 0; i < 300; i += 1) {
    opened(t).receive(fail, fail);
  }
  const contents = await Promise.all(
    Array.from({ length: 50 }, () => readFile("/proc/self/comm", "utf8")),
  );
  assert.equal(contents.length, 50);
});

test("delivers nothing after it was closed, even if a packet has woken it", async (t) => {
  const [one, other] = [await connectedPair(t), await connectedPair(t)];
  const packets: string[] = [];
  const closeAfter = (closed: DatagramSocket) => (packet: Buffer) => {
    packets.push(packet.toString());
    closed.close();
  };
  one.server.receive(closeAfter(other.server), fail);
  other.server.receive(closeAfter(one.server), fail);
  // Both wake in the same turn of the event loop, and one closes the other.
  one.client.send(Buffer.from("x"));
  other.client.send(Buffer.from("x"));
  for (let turn = 0; turn < 10; turn += 1) {
    await setImmediate();
  }
  assert.deepEqual(packets, ["x"]);
});

test("does not close a descriptor that has become another file's", async (t) => {
  const { path, server, client } = await connectedPair(t);
  for (let round = 0; round < 100; round += 1) {
    const lowest = openSync("/dev/null", "r");
    closeSync(lowest);
    const socket = new DatagramSocket();
    socket.connect(path);
    socket.receive(fail, fail);
    socket.close();
    const file = openSync("/dev/null", "r+");
    assert.equal(file, lowest, "the socket had another descriptor");
    assert.throws(() => socket.send(Buffer.from("x")), { code: "EBADF" });
    assert.throws(() => socket.connect(path), { code: "EBADF" });
    assert.throws(() => socket.bind(`${path}.own`), { code: "EBADF" });
    assert.throws(() => socket.receive(fail, fail), { code: "EBADF" });
    socket.close();
    // Throws when it is closed already.
    closeSync(file);
  }
  client.send(Buffer.from("x"));
  assert.equal(await nextPacket(server), "x");
});

test("lets the process exit while it waits, and loses no error of its listener", async (t) => {
  const folder = await folderOf(t);
  const run = (name: string, script: string) => {
    const path = JSON.stringify(join(folder, name));
    return runToEnd({
      name: "a process with a socket",
      command: process.execPath,
      args: [
        "--input-type=module",
        "--eval",
        `import { DatagramSocket } from ${JSON.stringify(MODULE)};
         const [server, client] = [new DatagramSocket(), new DatagramSocket()];
         server.bind(${path});
         client.connect(${path});
         ${script}`,
      ],
      env: {},
      timeoutMs: 60_000,
    });
  };
  await run("exits.sock", "server.receive(() => {}, () => {}); process.exit(0);");
  await assert.rejects(
    run(
      "throws.sock",
      `server.receive(() => { throw new Error("by the listener"); }, () => {});
       client.send(Buffer.from("x"));`,
    ),
    /ended with exit code 1(?:.|\n)*Error: by the listener/,
  );
});
