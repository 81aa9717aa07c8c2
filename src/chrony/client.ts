/**
 * Questions to one chronyd, one at a time: a fresh sequence for each send, a deadline, one resend.
 */
import { randomInt } from "node:crypto";
import { failure, type Result, success } from "../result.ts";
import type { ChronyError } from "./chrony-error.ts";
import { answers, decodeReply, encodeRequest, type Report } from "./packet.ts";
import type { OpenPacketSocket, PacketListener, PacketSocket } from "./packet-socket.ts";

/** When a question that chronyd did not answer fails. */
export const ANSWER_DEADLINE_MS = 1000;

/** When it is sent once more before: a datagram can get lost. */
const RESEND_AFTER_MS = 500;

/** Where a chronyd is, and how to open a socket to it. */
export type ChronyAddress = {
  /** As in CHRONY_ADDRESS, for messages. */
  readonly text: string;
  readonly open: OpenPacketSocket;
};

/** A socket to chronyd, open for one reading: chronyd makes a new socket whenever it restarts. */
export class ChronyClient {
  readonly #address: ChronyAddress;
  #socket: PacketSocket | undefined;
  #failure: ChronyError | undefined;
  #question: PacketListener | undefined;

  private constructor(address: ChronyAddress) {
    this.#address = address;
  }

  /** Opens a socket. What it gives must be closed. */
  static async open(address: ChronyAddress): Promise<Result<ChronyClient, ChronyError>> {
    const client = new ChronyClient(address);
    const socket = await address.open({
      received: (packet) => client.#question?.received(packet) ?? false,
      failed: (error) => {
        client.#failure ??= error;
        client.#question?.failed(error);
      },
    });
    if (!socket.ok) {
      return socket;
    }
    client.#socket = socket.value;
    return success(client);
  }

  /**
   * Asks for a report and waits for its answer, at most {@link ANSWER_DEADLINE_MS}. The answer to
   * either send counts, unless this process only comes to read it after the deadline: what it says
   * would be taken for new.
   */
  async ask<Content>(report: Report<Content>): Promise<Result<Content, ChronyError>> {
    if (this.#failure !== undefined) {
      return failure(this.#failure);
    }
    const { promise, resolve } = Promise.withResolvers<Result<Content, ChronyError>>();
    const settle = (result: Result<Content, ChronyError>) => {
      this.#question = undefined;
      resolve(result);
    };
    const deadlineMs = performance.now() + ANSWER_DEADLINE_MS;
    const sequences: number[] = [];
    const send = () => {
      const sequence = randomInt(2 ** 32);
      const request = encodeRequest(report, sequences.length, sequence);
      sequences.push(sequence);
      this.#socket?.send(request);
    };
    this.#question = {
      received: (packet) => {
        const isInTime = performance.now() <= deadlineMs;
        const isAnswer = isInTime && sequences.some((sequence) => answers(packet, sequence));
        if (isAnswer) {
          settle(decodeReply(report, packet));
        }
        return isAnswer;
      },
      failed: (error) => settle(failure(error)),
    };
    send();
    if (this.#question === undefined) {
      return promise;
    }
    const resend = setTimeout(send, RESEND_AFTER_MS);
    const deadline = setTimeout(() => {
      settle(
        failure({
          kind: "timed out",
          report: report.name,
          address: this.#address.text,
          afterMs: ANSWER_DEADLINE_MS,
        }),
      );
    }, ANSWER_DEADLINE_MS);
    try {
      return await promise;
    } finally {
      clearTimeout(resend);
      clearTimeout(deadline);
    }
  }

  /** Frees the socket and its file. */
  close(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }
}
