// Sockets to a fake chronyd in a real directory: the errors when it cannot be reached, and that no file is left.
// test/agent/reading.test.ts does the same with a real chronyd.

import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import type { ChronyError } from "../../src/chrony/chrony-error.ts";
import { DatagramSocket } from "../../src/chrony/datagram-socket.ts";
import type { PacketSocket } from "../../src/chrony/packet-socket.ts";
import {
  CLIENT_SOCKET_NAME_BYTES,
  sweepClientSockets,
  unixDatagramSocket,
} from "../../src/chrony/unix-datagram.ts";
import { NOBODY } from "../../src/privileges.ts";
import type { Result } from "../../src/result.ts";
import { folderOf } from "../parts/scratch-folder.ts";
import { waitFor } from "../parts/wait-for.ts";

type Opened = Promise<Result<PacketSocket, ChronyError>>;

function fail(error: unknown): never {
  throw new Error(`failed: ${JSON.stringify(error)}`);
}

/** Opens a socket to a path, of which no packet and no failure is expected. */
function open(path: string): Opened {
  return unixDatagramSocket(path)({ received: fail, failed: fail });
}

/** The same as an ordinary user. */
function openAsNobody(path: string): Opened {
  if (process.geteuid?.() !== 0) {
    return open(path);
  }
  process.seteuid?.(NOBODY.uid);
  try {
    return open(path);
  } finally {
    process.seteuid?.(0);
  }
}

async function errorOf(opened: Opened): Promise<ChronyError> {
  const socket = await opened;
  assert.ok(!socket.ok, "it is open");
  return socket.error;
}

/** A folder with the socket of a fake chronyd. */
async function fakeChronyd(t: TestContext) {
  const folder = await folderOf(t);
  const path = join(folder, "chronyd.sock");
  const socket = new DatagramSocket();
  t.after(() => socket.close());
  socket.bind(path);
  return { folder, path, socket };
}

const nameOf = (digit: string) => `chrony-tracker.${digit.repeat(32)}.sock`;

const openFileDescriptors = () => readdirSync("/proc/self/fd").length;

describe("a socket that cannot be opened", () => {
  test("because the directory, or chronyd's socket in it, is missing", async (t) => {
    const folder = await folderOf(t);
    for (const path of [join(folder, "missing", "chronyd.sock"), join(folder, "chronyd.sock")]) {
      assert.deepEqual(await errorOf(open(path)), { kind: "socket missing", path });
    }
    assert.deepEqual(readdirSync(folder), []);
  });

  test("because no socket can be bound there", async (t) => {
    const folder = await folderOf(t);
    writeFileSync(join(folder, "file"), "");
    const error = await errorOf(open(join(folder, "file", "chronyd.sock")));
    assert.ok(error.kind === "no client socket", error.kind);
    assert.match(error.path, /\/file\/chrony-tracker\.[0-9a-f]{32}\.sock$/);
    assert.equal(error.detail, "ENOTDIR: not a directory, bind");
  });

  test("because nothing listens: a killed chronyd leaves its socket's file", async (t) => {
    const { path, socket } = await fakeChronyd(t);
    socket.close();
    const address = `unix://${path}`;
    assert.deepEqual(await errorOf(open(path)), { kind: "nobody listens", address });
  });

  test("because another kind of socket listens there", async (t) => {
    const path = join(await folderOf(t), "chronyd.sock");
    const server = createServer();
    t.after(() => server.close());
    await new Promise<void>((resolve) => server.listen(path, resolve));
    assert.deepEqual(await errorOf(open(path)), {
      kind: "socket failed",
      address: `unix://${path}`,
      detail: "EPROTOTYPE: protocol wrong type for socket, connect",
    });
  });

  test("because this user may not write to the directory or to chronyd's socket", async (t) => {
    const { folder, path } = await fakeChronyd(t);
    const denied: ChronyError = { kind: "permission denied", path };
    chmodSync(folder, 0o555);
    assert.deepEqual(await errorOf(openAsNobody(path)), denied);
    chmodSync(folder, 0o777);
    chmodSync(path, 0);
    assert.deepEqual(await errorOf(openAsNobody(path)), denied);
    assert.deepEqual(readdirSync(folder), ["chronyd.sock"]);
  });

  for (const code of ["MODULE_NOT_FOUND", "ERR_DLOPEN_FAILED"]) {
    test(`because koffi's native part is not loaded: ${code}`, async (t) => {
      const { path } = await fakeChronyd(t);
      t.mock.method(DatagramSocket.prototype, "bind", () => {
        const message = "Cannot find the fake module\nRequire stack:\n- fake.js";
        throw Object.assign(new Error(message), { code });
      });
      const error = { kind: "no native part", detail: "Cannot find the fake module" };
      assert.deepEqual(await errorOf(open(path)), error);
    });
  }

  test("leaves no descriptor open", async (t) => {
    const { folder, path, socket } = await fakeChronyd(t);
    socket.close();
    const before = openFileDescriptors();
    await errorOf(open(path));
    await errorOf(open(join(folder, "missing", "chronyd.sock")));
    assert.equal(openFileDescriptors(), before);
  });
});

describe("a socket", () => {
  test("removes its file and its descriptor when it is closed, and sends no more", async (t) => {
    const { folder, path, socket } = await fakeChronyd(t);
    const before = openFileDescriptors();
    const client = await open(path);
    assert.ok(client.ok);
    client.value.send(Buffer.from("request"));
    assert.equal(socket.receiveWithin(0)?.toString(), "request");
    const [own, ...others] = readdirSync(folder).filter((name) => name !== "chronyd.sock");
    assert.match(own ?? "", /^chrony-tracker\.[0-9a-f]{32}\.sock$/);
    assert.equal(`/${own}`.length, CLIENT_SOCKET_NAME_BYTES);
    assert.deepEqual(others, []);

    client.value.close();
    client.value.send(Buffer.from("request"));
    client.value.close();
    assert.equal(socket.receiveWithin(0), undefined);
    assert.deepEqual(readdirSync(folder), ["chronyd.sock"]);
    assert.equal(openFileDescriptors(), before);
  });

  test("reads an immediate answer directly, and a later one by the event loop", async (t) => {
    const { folder, path, socket } = await fakeChronyd(t);
    const packets: string[] = [];
    let isAnswer = true;
    const client = await unixDatagramSocket(path)({
      received: (packet) => {
        packets.push(Buffer.from(packet).toString());
        return isAnswer;
      },
      failed: fail,
    });
    assert.ok(client.ok);
    t.after(() => client.value.close());
    const own = readdirSync(folder).find((name) => name !== "chronyd.sock");
    socket.connect(join(folder, own ?? ""));
    const sendAndReceive = (packet: string) => {
      socket.send(Buffer.from(packet));
      client.value.send(Buffer.from("request"));
    };

    sendAndReceive("1");
    assert.deepEqual(packets, ["1"]);
    isAnswer = false;
    sendAndReceive("2");
    assert.deepEqual(packets, ["1", "2"]);
    // The answer was not there at once, so the event loop waits for it.
    sendAndReceive("3");
    assert.deepEqual(packets, ["1", "2"]);
    socket.send(Buffer.from("4"));
    await waitFor("the later packets", () => packets.length === 4);
    assert.deepEqual(packets, ["1", "2", "3", "4"]);
  });

  test("can be closed when chronyd's directory is gone", async (t) => {
    const { folder, path } = await fakeChronyd(t);
    const client = await open(path);
    assert.ok(client.ok);
    rmSync(folder, { recursive: true });
    client.value.close();
  });

  test("loses a packet without an error when chronyd's queue is full", async (t) => {
    const { path } = await fakeChronyd(t);
    const client = await open(path);
    assert.ok(client.ok);
    t.after(() => client.value.close());
    const filler = new DatagramSocket();
    t.after(() => filler.close());
    filler.connect(path);
    assert.throws(
      () => {
        for (let sent = 0; sent < 100_000; sent += 1) {
          filler.send(Buffer.from("x"));
        }
      },
      { code: "EAGAIN" },
    );
    client.value.send(Buffer.from("x"));
  });

  test("reports when chronyd is gone", async (t) => {
    const { path, socket } = await fakeChronyd(t);
    const errors: ChronyError[] = [];
    const client = await unixDatagramSocket(path)({
      received: fail,
      failed: (error) => errors.push(error),
    });
    assert.ok(client.ok);
    t.after(() => client.value.close());
    socket.close();
    client.value.send(Buffer.from("x"));
    assert.deepEqual(errors, [{ kind: "nobody listens", address: `unix://${path}` }]);
  });
});

describe("sweeping", () => {
  test("removes the sockets of killed agents, and no other file", async (t) => {
    const { folder, path, socket } = await fakeChronyd(t);
    for (const name of [nameOf("a"), `x${nameOf("c")}`, `${nameOf("d")}x`]) {
      const abandoned = new DatagramSocket();
      abandoned.bind(join(folder, name));
      abandoned.close();
    }
    const inUse = new DatagramSocket();
    t.after(() => inUse.close());
    inUse.bind(join(folder, nameOf("b")));
    socket.close();
    const before = openFileDescriptors();

    sweepClientSockets(folder);
    const left = [nameOf("b"), "chronyd.sock", `${nameOf("d")}x`, `x${nameOf("c")}`];
    assert.deepEqual(readdirSync(folder).toSorted(), left.toSorted());
    assert.equal(openFileDescriptors(), before);
    assert.equal((await errorOf(open(path))).kind, "nobody listens");
  });

  test("leaves a missing directory to the first poll, which reports it", async (t) => {
    const folder = join(await folderOf(t), "missing");
    sweepClientSockets(folder);
    mkdirSync(folder);
  });
});
