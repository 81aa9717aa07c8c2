// Packets over UDP (src/chrony/udp.ts) to sockets of this process. reports-of-chronyd.test.ts has a real chronyd.

import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { readdirSync, readlinkSync } from "node:fs";
import { describe, type TestContext, test } from "node:test";
import type { ChronyError } from "../../src/chrony/chrony-error.ts";
import { udpSocket } from "../../src/chrony/udp.ts";
import { freeUdpPort } from "../parts/free-port.ts";
import { waitFor } from "../parts/wait-for.ts";

const PACKET = Buffer.from("packet");

/** The events of one socket. */
class Listener {
  readonly packets: string[] = [];
  readonly errors: ChronyError[] = [];

  received(packet: Uint8Array): boolean {
    this.packets.push(Buffer.from(packet).toString());
    return true;
  }

  failed(error: ChronyError): void {
    this.errors.push(error);
  }
}

async function startEcho(t: TestContext, host: string): Promise<Socket> {
  const echo = createSocket(host.includes(":") ? "udp6" : "udp4");
  echo.on("message", (packet, { port, address }) => echo.send(packet, port, address));
  echo.bind(0, host);
  await once(echo, "listening");
  t.after(() => new Promise<void>((resolve) => echo.close(() => resolve())));
  return echo;
}

async function open(t: TestContext, host: string, port: number) {
  const listener = new Listener();
  const opened = await udpSocket(host, port)(listener);
  assert.ok(opened.ok, JSON.stringify(opened));
  t.after(() => opened.value.close());
  return { listener, socket: opened.value };
}

for (const [host, address] of [
  ["127.0.0.1", "udp://127.0.0.1"],
  ["::1", "udp://[::1]"],
] as const) {
  describe(`over ${host}`, () => {
    test("a packet is answered", async (t) => {
      const echo = await startEcho(t, host);
      const { listener, socket } = await open(t, host, echo.address().port);
      socket.send(PACKET);
      await waitFor("the answer", () => listener.packets.length === 1);
      assert.deepEqual([listener.packets, listener.errors], [["packet"], []]);
    });

    test("a port where nothing listens is named", async (t) => {
      const port = await freeUdpPort();
      const { listener, socket } = await open(t, host, port);
      await waitFor("the error", () => {
        socket.send(PACKET);
        return listener.errors.length > 0;
      });
      assert.deepEqual(listener.errors[0], {
        kind: "nobody listens",
        address: `${address}:${port}`,
      });
    });
  });
}

test("a failed send is an error with the reason", async (t) => {
  const echo = await startEcho(t, "127.0.0.1");
  const { port } = echo.address();
  const { listener, socket } = await open(t, "127.0.0.1", port);
  socket.send(Buffer.alloc(100_000));
  await waitFor("the error", () => listener.errors.length > 0);
  assert.deepEqual(listener.errors, [
    { kind: "socket failed", address: `udp://127.0.0.1:${port}`, detail: "EMSGSIZE" },
  ]);
});

test("a host that has no address is unknown", async () => {
  const opened = await udpSocket("host.invalid", 323)(new Listener());
  assert.ok(!opened.ok && opened.error.kind === "host unknown");
  assert.equal(opened.error.host, "host.invalid");
  assert.match(opened.error.detail, /^E[A-Z_]+$/);
});

test("an invalid port is an error, and leaves no socket", async () => {
  const listener = new Listener();
  const before = openSockets();
  const opened = await udpSocket("255.255.255.255", 323)(listener);
  const error = { kind: "socket failed", address: "udp://255.255.255.255:323", detail: "EACCES" };
  assert.deepEqual(opened, { ok: false, error });
  assert.deepEqual(
    openSockets().filter((path) => !before.includes(path)),
    [],
  );
});

/** Of this process. */
function openSockets(): string[] {
  return readdirSync("/proc/self/fd").flatMap((descriptor) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${descriptor}`);
      return path.startsWith("socket:") ? [path] : [];
    } catch {
      return [];
    }
  });
}

test("a closed socket has no more events, and can be closed again", async (t) => {
  const echo = await startEcho(t, "127.0.0.1");
  const { listener, socket } = await open(t, "127.0.0.1", echo.address().port);
  const other = await open(t, "127.0.0.1", echo.address().port);
  socket.send(PACKET);
  socket.send(Buffer.alloc(100_000));
  socket.close();
  socket.close();
  other.socket.send(PACKET);
  await waitFor("the answer to another", () => other.listener.packets.length === 1);
  assert.deepEqual([listener.packets, listener.errors], [[], []]);
});

test("a socket that was closed leaves its port to others", async (t) => {
  const echo = await startEcho(t, "127.0.0.1");
  const { listener, socket } = await open(t, "127.0.0.1", echo.address().port);
  const asked = once(echo, "message");
  socket.send(PACKET);
  const [, { port }] = await asked;
  await waitFor("the answer", () => listener.packets.length === 1);
  socket.close();
  const next = createSocket("udp4").bind(port, "127.0.0.1");
  await once(next, "listening");
  next.close();
});
