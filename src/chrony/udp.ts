/**
 * Packets to chronyd over UDP, where chronyd answers only read-only commands. The socket is connected,
 * so the kernel drops packets from other hosts and ports, and reports when nobody listens.
 */
import { createSocket } from "node:dgram";
import { lookup } from "node:dns/promises";
import { failure, type Result, success } from "../result.ts";
import type { ChronyError } from "./chrony-error.ts";
import type { OpenPacketSocket, PacketListener, PacketSocket } from "./packet-socket.ts";

/**
 * Opens sockets to the chronyd at a host and port.
 * @param host a name, an IPv4 address or an IPv6 address (without brackets)
 */
export function udpSocket(host: string, port: number): OpenPacketSocket {
  return (listener) => open(host, port, listener);
}

async function open(
  host: string,
  port: number,
  listener: PacketListener,
): Promise<Result<PacketSocket, ChronyError>> {
  const address = `udp://${host.includes(":") ? `[${host}]` : host}:${port}`;

  let resolved: { address: string; family: number };
  try {
    resolved = await lookup(host);
  } catch (error) {
    return failure({ kind: "host unknown", host, detail: codeOf(error) });
  }

  const { promise: opened, resolve } = Promise.withResolvers<Result<PacketSocket, ChronyError>>();
  const socket = createSocket(resolved.family === 6 ? "udp6" : "udp4");
  let closed = false;
  const close = () => {
    if (!closed) {
      closed = true;
      socket.close();
    }
  };
  const fail = (error: unknown) => {
    if (closed) {
      return;
    }
    const chronyError = socketError(address, error);
    resolve(failure(chronyError));
    listener.failed(chronyError);
  };
  socket.on("error", fail);
  socket.on("message", (packet) => listener.received(packet));
  const send = (packet: Uint8Array) => {
    socket.send(packet, (error) => {
      if (error !== null) {
        fail(error);
      }
    });
  };
  socket.once("connect", () => resolve(success({ send, close })));
  socket.connect(port, resolved.address);

  const result = await opened;
  if (!result.ok) {
    close();
  }
  return result;
}

function socketError(address: string, error: unknown): ChronyError {
  const code = codeOf(error);
  return code === "ECONNREFUSED"
    ? { kind: "nobody listens", address }
    : { kind: "socket failed", address, detail: code };
}

function codeOf(error: unknown): string {
  return error instanceof Error
    ? ((error as NodeJS.ErrnoException).code ?? error.message)
    : String(error);
}
