/**
 * Sends requests to one chronyd, one at a time, each with a deadline and one resend. Every send has a
 * new sequence number.
 */
import { randomInt } from "node:crypto";
import { failure, type Result, success } from "../result.ts";
import type { ChronyError } from "./chrony-error.ts";
import { answers, decodeReply, encodeRequest, type Report } from "./packet.ts";
import type { OpenPacketSocket, PacketListener, PacketSocket } from "./packet-socket.ts";

/** How long to wait for an answer before the request fails. */
export const ANSWER_DEADLINE_MS = 1000;

/** When to send the request again, because a datagram can get lost. */
const RESEND_AFTER_MS = 500;

/** The address of a chronyd, and how to open a socket to it. */
export type ChronyAddress = {
  /** As in CHRONY_ADDRESS, for error messages. */
  readonly text: string;
  readonly open: OpenPacketSocket;
};

/** A socket to chronyd. It is opened for one poll, because chronyd creates a new socket when it restarts. */
export class ChronyClient {
  readonly #address: ChronyAddress;
  #socket: PacketSocket | undefined;
  #failure: ChronyError | undefined;
  #question: PacketListener | undefined;

  private constructor(address: ChronyAddress) {
    this.#address = address;
  }

  /** Opens a socket. The caller must close the client. */
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
   * Requests a report and waits at most {@link ANSWER_DEADLINE_MS} for the answer, to either send. An
   * answer that this process reads after the deadline is dropped: it may be old, and the caller would
   * take it for current.
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

  /** Closes the socket and removes its file. */
  close(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }
}
