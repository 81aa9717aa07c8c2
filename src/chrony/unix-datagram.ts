/**
 * Packets to chronyd over its Unix datagram socket.
 *
 * chronyd answers to the path that a client's socket is bound to, so the client binds one of its
 * own in chronyd's directory (Debian's AppArmor profile lets chronyd write nowhere else) and
 * removes it afterwards. It never changes a mode or an owner there.
 */
import { randomUUID } from "node:crypto";
import { readdirSync, unlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { DgramSocket } from "node-unix-socket";
import { failure, type Result, success } from "../result.ts";
import type { ChronyError } from "./chrony-error.ts";
import type { OpenPacketSocket, PacketListener, PacketSocket } from "./packet-socket.ts";

/** A path fits into `sockaddr_un` with its terminating zero. */
export const LONGEST_SOCKET_PATH_BYTES = 107;

const CLIENT_SOCKET_NAME = /^chrony-tracker\.[0-9a-f]{32}\.sock$/;

/** How many bytes {@link clientSocketPath} adds to the directory: what a setting must leave room for. */
export const CLIENT_SOCKET_NAME_BYTES = "/chrony-tracker.".length + 32 + ".sock".length;

/** A path beside chronyd's socket that no other process, container or node of this cluster uses. */
function clientSocketPath(directory: string): string {
  return join(directory, `chrony-tracker.${randomUUID().replaceAll("-", "")}.sock`);
}

/**
 * Opens sockets to the chronyd that listens at a path.
 * @param path of chronyd's socket, the same in chronyd's mount namespace and in ours
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
  const close = () => {
    if (closed) {
      return;
    }
    closed = true;
    socket.close();
    removeSocketFile(ownPath);
  };
  const fail = (error: unknown) => {
    if (!closed) {
      listener.failed(socketError(path, messageOf(error)));
    }
  };
  socket.on("data", (packet: Buffer) => {
    if (!closed) {
      listener.received(packet);
    }
  });
  socket.on("error", fail);

  const send = (packet: Uint8Array) => {
    try {
      socket.sendTo(Buffer.from(packet), 0, packet.length, path, (error) => {
        if (error !== undefined && error !== null) {
          fail(error);
        }
      });
    } catch (error) {
      fail(error);
    }
  };
  return success({ send, close });
}

/** A socket that is bound to a path, or the system's text why there is none. */
function bindTo(ownPath: string): Result<DgramSocket, string> {
  let socket: DgramSocket | undefined;
  try {
    // Throws when the process has no file descriptor left.
    socket = new DgramSocket();
    socket.bind(ownPath);
    return success(socket);
  } catch (error) {
    socket?.close();
    return failure(messageOf(error));
  }
}

/**
 * Removes the client sockets that agents left behind in a directory (by a SIGKILL between bind and
 * unlink), whichever container they ran in: those that refuse a datagram have no process. A socket
 * that another agent uses at this moment takes an empty one, and drops it.
 */
export async function sweepClientSockets(directory: string): Promise<void> {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch {
    // No directory yet, or none we may read: the first reading will say which.
    return;
  }
  for (const name of names.filter((entry) => CLIENT_SOCKET_NAME.test(entry))) {
    const path = join(directory, name);
    if (await isAbandoned(path)) {
      removeSocketFile(path);
    }
  }
}

/** How long a probe may take: a full queue belongs to a process that lives. */
const PROBE_DEADLINE_MS = 100;

function isAbandoned(path: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const deadline = setTimeout(() => resolve(false), PROBE_DEADLINE_MS);
  const probe = Buffer.alloc(1);
  let socket: DgramSocket | undefined;
  try {
    // Throws when the process has no file descriptor left.
    socket = new DgramSocket();
    socket.sendTo(probe, 0, probe.length, path, (error) =>
      resolve(error !== undefined && error !== null && error.message === CONNECTION_REFUSED),
    );
  } catch {
    resolve(false);
  }
  return promise.finally(() => {
    clearTimeout(deadline);
    socket?.close();
  });
}

function removeSocketFile(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Gone already, with its directory (chronyd's unit removes it on stop).
  }
}

// The socket package gives the C library's texts and no error codes.
const NO_SUCH_FILE = "No such file or directory";
const PERMISSION_DENIED = "Permission denied";
const CONNECTION_REFUSED = "Connection refused";

function bindError(path: string, ownPath: string, message: string): ChronyError {
  switch (message) {
    case NO_SUCH_FILE:
      return { kind: "socket missing", path };
    case PERMISSION_DENIED:
      return { kind: "permission denied", path };
    default:
      return { kind: "no client socket", path: ownPath, detail: message };
  }
}

function socketError(path: string, message: string): ChronyError {
  switch (message) {
    case NO_SUCH_FILE:
      return { kind: "socket missing", path };
    case PERMISSION_DENIED:
      return { kind: "permission denied", path };
    case CONNECTION_REFUSED:
      return { kind: "nobody listens", address: `unix://${path}` };
    default:
      return { kind: "socket failed", address: `unix://${path}`, detail: message };
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
