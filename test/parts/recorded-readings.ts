/**
 * Preloaded into the agent (`--import`, with `?file=PATH`), this records chronyd's real replies: every datagram, byte for
 * byte, when the agent's socket delivers it, before the agent's other code. Tests compare the agent's output with the
 * record.
 *
 * Each event is a line of JSON that is written at once, so that a record survives a SIGKILL. The file is opened at the
 * start, so that a process without free descriptors still records.
 */
import { openSync, writeSync } from "node:fs";
import { DatagramSocket } from "../../src/chrony/datagram-socket.ts";

/** One event of a client socket of the agent. A poll of chronyd is one socket, from bind to close. */
export type RecordedEvent = {
  readonly event: "opened" | "received" | "closed";
  /** The number of the socket in this process, from 1. */
  readonly socket: number;
  /** The machine's time in milliseconds since 1970, whatever the wall clock of the process shows. */
  readonly trueMs: number;
  /** The wall clock of the process, in milliseconds since 1970. */
  readonly wallMs: number;
  /** The datagram, in hexadecimal digits. */
  readonly bytes?: string;
};

const FILE = new URL(import.meta.url).searchParams.get("file");
if (FILE === null) {
  throw new Error("The recording of readings needs ?file=PATH behind its address.");
}
const descriptor = openSync(FILE, "a");
const numbers = new WeakMap<DatagramSocket, number>();
let sockets = 0;

function record(socket: DatagramSocket, event: RecordedEvent["event"], bytes?: string): void {
  const number = numbers.get(socket);
  if (number === undefined) {
    // A socket that was never bound only checks whether another one is still in use.
    return;
  }
  const trueMs = performance.timeOrigin + performance.now();
  const line: RecordedEvent = {
    event,
    socket: number,
    trueMs,
    wallMs: Date.now(),
    ...(bytes !== undefined && { bytes }),
  };
  writeSync(descriptor, `${JSON.stringify(line)}\n`);
}

// The replaced functions, which are still called.
const original: DatagramSocket = Object.create(
  null,
  Object.getOwnPropertyDescriptors(DatagramSocket.prototype),
);

DatagramSocket.prototype.bind = function (this: DatagramSocket, path: string): void {
  sockets += 1;
  numbers.set(this, sockets);
  record(this, "opened");
  original.bind.call(this, path);
};

DatagramSocket.prototype.close = function (this: DatagramSocket): void {
  record(this, "closed");
  numbers.delete(this);
  original.close.call(this);
};

DatagramSocket.prototype.receive = function (
  this: DatagramSocket,
  received: (packet: Buffer) => void,
  failed: (error: unknown) => void,
): void {
  original.receive.call(
    this,
    (packet) => {
      record(this, "received", packet.toString("hex"));
      received(packet);
    },
    failed,
  );
};

DatagramSocket.prototype.receiveWithin = function (
  this: DatagramSocket,
  longestMs: number,
): Buffer | undefined {
  const packet = original.receiveWithin.call(this, longestMs);
  if (packet !== undefined) {
    record(this, "received", packet.toString("hex"));
  }
  return packet;
};
