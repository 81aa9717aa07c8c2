// Requests to a chronyd, observed on their way.

import type { ChronyAddress } from "../../src/chrony/client.ts";
import type { PacketListener, PacketSocket } from "../../src/chrony/packet-socket.ts";
import { success } from "../../src/result.ts";

/** The commands of the optional reports. */
export const COMMANDS = {
  N_SOURCES: 14,
  SOURCE_DATA: 15,
  SOURCESTATS: 34,
  ACTIVITY: 44,
  SERVER_STATS: 54,
  NTP_DATA: 57,
  NTP_SOURCE_NAME: 65,
} as const;

export type Question = {
  readonly command: number;
  /** The first four bytes of the request's data: an index, or an address of IPv4. */
  readonly argument: number;
  readonly sequence: number;
};

function questionOf(request: Uint8Array): Question {
  const data = new DataView(request.buffer, request.byteOffset, request.byteLength);
  return {
    command: data.getUint16(4),
    argument: data.getUint32(20),
    sequence: data.getUint32(8),
  };
}

/**
 * The same chronyd. Each request is sent only after `beforeQuestion` has settled.
 * @param beforeQuestion gets the request and the number of earlier ones
 */
export function watched(
  address: ChronyAddress,
  beforeQuestion: (question: Question, number: number) => Promise<void> | void,
): ChronyAddress {
  return {
    text: address.text,
    open: async (listener) => {
      const opened = await address.open(listener);
      if (!opened.ok) {
        return opened;
      }
      const socket = opened.value;
      let number = 0;
      const send = async (packet: Uint8Array) => {
        await beforeQuestion(questionOf(packet), number++);
        socket.send(packet);
      };
      return success({ send: (packet) => void send(packet), close: () => socket.close() });
    },
  };
}

/** A fake chronyd that gives these answers (without their sequences), or none. */
export function fakeChronyd(answer: (question: Question) => Uint8Array | undefined): ChronyAddress {
  return {
    text: "fake://chronyd",
    open: (listener: PacketListener) => {
      const send = (packet: Uint8Array) => {
        const question = questionOf(packet);
        const reply = answer(question);
        if (reply !== undefined) {
          const answered = Uint8Array.from(reply);
          new DataView(answered.buffer).setUint32(16, question.sequence);
          queueMicrotask(() => listener.received(answered));
        }
      };
      const socket: PacketSocket = { send, close() {} };
      return Promise.resolve(success(socket));
    },
  };
}
