import { chmodSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatagramSocket } from "../../src/chrony/datagram-socket.ts";
import type { Chronyd } from "./chronyd.ts";
import { type Answer, startDatagramServer } from "./datagram-server.ts";
import { endWith, type Owner } from "./owner.ts";

const COMMAND_OFFSET = 4;
const STATUS_OFFSET = 8;
const REPLY_SEQUENCE_OFFSET = 16;
const REPLY_HEADER_BYTES = 28;
const INVALID = 3;

/** A fake chronyd that forwards each request to a real one, and changes some of the answers. */
export type FakeChronydRelay = {
  /** For the agent's setting `CHRONY_ADDRESS`. */
  readonly address: string;
  /** How often a command was requested. */
  asked(command: number): number;
  /** Answers only these commands like a chronyd that does not know them (INVALID). */
  refuse(commands: readonly number[]): void;
  /** Changes the replies to this command: `change` writes to the datagram. */
  change(command: number, change: (reply: Buffer) => void): void;
};

/** Starts it in the directory of the real one's socket. */
export function startFakeChronydRelay(owner: Owner, chronyd: Chronyd): FakeChronydRelay {
  const folder = dirname(chronyd.socketPath);
  const path = join(folder, "fake.sock");
  const clientPath = join(folder, "fake-client.sock");
  const asked = new Map<number, number>();
  const answers = new Map<number, Answer>();
  const changes = new Map<number, (reply: Buffer) => void>();
  let refused: readonly number[] = [];

  const client = new DatagramSocket();
  const handBack = (reply: Buffer) => {
    const sequence = reply.readUInt32BE(REPLY_SEQUENCE_OFFSET);
    answers.get(sequence)?.(reply);
    answers.delete(sequence);
  };
  const server = startDatagramServer(path, (request, answer) => {
    const command = request.readUInt16BE(COMMAND_OFFSET);
    asked.set(command, (asked.get(command) ?? 0) + 1);
    answers.set(request.readUInt32BE(8), answer);
    if (refused.includes(command)) {
      handBack(refusal(request));
      return;
    }
    try {
      // Each time, because a restarted chronyd has a new socket.
      client.connect(chronyd.socketPath);
      client.send(request);
    } catch {
      // chronyd may have ended.
    }
  });
  client.bind(clientPath);
  client.receive(
    (reply) => {
      changes.get(reply.readUInt16BE(COMMAND_OFFSET))?.(reply);
      handBack(reply);
    },
    (error) => {
      throw error;
    },
  );
  for (const socketPath of [path, clientPath]) {
    // Because chronyd, and an agent that root started, are other users.
    chmodSync(socketPath, 0o666);
  }
  endWith(owner, () => {
    server.close();
    client.close();
  });
  return {
    address: `unix://${path}`,
    asked: (command) => asked.get(command) ?? 0,
    refuse(commands) {
      refused = commands;
    },
    change(command, change) {
      changes.set(command, change);
    },
  };
}

function refusal(request: Buffer): Buffer {
  const reply = Buffer.alloc(REPLY_HEADER_BYTES);
  reply.writeUInt8(request.readUInt8(0), 0);
  reply.writeUInt8(2, 1);
  request.copy(reply, COMMAND_OFFSET, COMMAND_OFFSET, COMMAND_OFFSET + 2);
  reply.writeUInt16BE(1, 6);
  reply.writeUInt16BE(INVALID, STATUS_OFFSET);
  request.copy(reply, REPLY_SEQUENCE_OFFSET, 8, 12);
  return reply;
}
