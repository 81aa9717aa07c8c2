/**
 * Packets to chronyd over its Unix datagram socket.
 *
 * chronyd sends its answer to the path that the client's socket is bound to. So the client binds a
 * socket in chronyd's directory (Debian's AppArmor profile lets chronyd write nowhere else) and removes
 * it afterwards. It never changes a mode or an owner there.
 */
import { randomUUID } from "node:crypto";
import { readdirSync, unlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { failure, type Result, success } from "../result.ts";
import type { ChronyError } from "./chrony-error.ts";
import { codeOf, DatagramSocket } from "./datagram-socket.ts";
import type { OpenPacketSocket, PacketListener, PacketSocket } from "./packet-socket.ts";

const CLIENT_SOCKET_NAME = /^chrony-tracker\.[0-9a-f]{32}\.sock$/;

/**
 * chronyd usually answers within 0.1 ms, and blocking that long is cheaper than a turn of the event
 * loop. If the answer takes longer, the event loop waits for it.
 */
const LONGEST_DIRECT_WAIT_MS = 2;

/** How many bytes {@link clientSocketPath} adds to the directory; CHRONY_ADDRESS must leave room for them. */
export const CLIENT_SOCKET_NAME_BYTES = "/chrony-tracker.".length + 32 + ".sock".length;

/** A path beside chronyd's socket that no other process or container uses. */
function clientSocketPath(directory: string): string {
  return join(directory, `chrony-tracker.${randomUUID().replaceAll("-", "")}.sock`);
}

/**
 * Opens sockets to the chronyd that listens at a path.
 * @param path of chronyd's socket; it must be the same in chronyd's mount namespace and in ours
 */
export function unixDatagramSocket(path: string): OpenPacketSocket {
  return (listener) => Promise.resolve(open(path, listener));
}

function open(path: string, listener: PacketListener): Result<PacketSocket, ChronyError> {
  const ownPath = clientSocketPath(dirname(path));
  const bound = bindTo(ownPath);
  if (!bound.ok) {
    return failure(bindError(path, ownPath, bound.error));
  }
  const socket = bound.value;

  let closed = false;
  let watched = false;
  const close = () => {
    closed = true;
    socket.close();
    removeSocketFile(ownPath);
  };
  const fail = (error: unknown) => listener.failed(socketError(path, error));
  try {
    socket.connect(path);
  } catch (error) {
    close();
    return failure(socketError(path, error));
  }
  const receive = () => {
    if (watched) {
      return;
    }
    const packet = socket.receiveWithin(LONGEST_DIRECT_WAIT_MS);
    if (packet === undefined || !listener.received(packet)) {
      watched = true;
      socket.receive((next) => listener.received(next), fail);
    }
  };
  const send = (packet: Uint8Array) => {
    if (closed) {
      return;
    }
    try {
      socket.send(packet);
      receive();
    } catch (error) {
      // chronyd's queue is full. The packet is lost like any datagram, and the client sends it again.
      if (codeOf(error) !== "EAGAIN") {
        fail(error);
      }
    }
  };
  return success({ send, close });
}

/** A socket bound to a path, or the system's error. */
function bindTo(ownPath: string): Result<DatagramSocket, unknown> {
  let socket: DatagramSocket | undefined;
  try {
    socket = new DatagramSocket();
    socket.bind(ownPath);
    return success(socket);
  } catch (error) {
    socket?.close();
    return failure(error);
  }
}

/**
 * Removes client sockets that agents in any container left behind (killed between bind and unlink):
 * those that no process has open.
 */
export function sweepClientSockets(directory: string): void {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch {
    // The directory is missing or not readable: the first poll reports which.
    return;
  }
  for (const name of names.filter((entry) => CLIENT_SOCKET_NAME.test(entry))) {
    const path = join(directory, name);
    if (isAbandoned(path)) {
      removeSocketFile(path);
    }
  }
}

function isAbandoned(path: string): boolean {
  let socket: DatagramSocket | undefined;
  try {
    socket = new DatagramSocket();
    socket.connect(path);
    return false;
  } catch (error) {
    return codeOf(error) === "ECONNREFUSED";
  } finally {
    socket?.close();
  }
}

function removeSocketFile(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Already removed with its directory: chronyd's unit deletes it on stop.
  }
}

/** What require() throws of a native module that is missing, or is for another libc or processor. */
const NOT_LOADED = ["MODULE_NOT_FOUND", "ERR_DLOPEN_FAILED"];

function bindError(path: string, ownPath: string, error: unknown): ChronyError {
  if (NOT_LOADED.includes(String(codeOf(error)))) {
    // The further lines are the modules that required it.
    return { kind: "no native part", detail: messageOf(error).replace(/\n.*/s, "") };
  }
  return (
    pathError(path, error) ?? { kind: "no client socket", path: ownPath, detail: messageOf(error) }
  );
}

function socketError(path: string, error: unknown): ChronyError {
  const address = `unix://${path}`;
  return codeOf(error) === "ECONNREFUSED"
    ? { kind: "nobody listens", address }
    : (pathError(path, error) ?? { kind: "socket failed", address, detail: messageOf(error) });
}

/** The errors that both chronyd's socket and ours can have. */
function pathError(path: string, error: unknown): ChronyError | undefined {
  const code = codeOf(error);
  if (code === "ENOENT") {
    return { kind: "socket missing", path };
  }
  return code === "EACCES" ? { kind: "permission denied", path } : undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
