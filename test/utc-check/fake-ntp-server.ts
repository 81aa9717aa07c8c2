import { createSocket } from "node:dgram";
import { once } from "node:events";
import { freeUdpPort } from "../parts/free-port.ts";
import { endWith, type Owner } from "../parts/owner.ts";

/** A fake NTP server at 127.0.0.1, with answers that a real one does not give. */
export type FakeNtpServer = {
  readonly port: number;
  /** The received requests, in order. */
  readonly requests: readonly Buffer[];
  /** The sender of the last request, if there was one. */
  readonly asker: { readonly port: number; readonly request: Buffer } | undefined;
  /** Sends a datagram to the sender of the last request. */
  send(datagram: Uint8Array): void;
  /** Sets the answer to each request: any number of datagrams. */
  answerWith(answer: (request: Buffer) => readonly Uint8Array[]): void;
};

/** Starts a server that does not answer. */
export async function startFakeNtpServer(owner: Owner): Promise<FakeNtpServer> {
  const port = await freeUdpPort();
  const socket = createSocket("udp4");
  const requests: Buffer[] = [];
  let asker: FakeNtpServer["asker"];
  const send = (datagram: Uint8Array) => socket.send(datagram, asker?.port ?? 0, "127.0.0.1");
  let answersTo: ((request: Buffer) => readonly Uint8Array[]) | undefined;
  socket.on("message", (request, { port: askerPort }) => {
    requests.push(request);
    asker = { port: askerPort, request };
    for (const answer of answersTo?.(request) ?? []) {
      send(answer);
    }
  });
  socket.bind(port, "127.0.0.1");
  await once(socket, "listening");
  endWith(owner, () => {
    socket.close();
  });
  return {
    port,
    requests,
    get asker() {
      return asker;
    },
    send,
    answerWith(answer) {
      answersTo = answer;
    },
  };
}

/** The differences of an answer from that of a correct server of stratum 1. */
export type AnswerOptions = {
  /** Leap indicator, version and mode. */
  readonly head?: number;
  readonly stratum?: number;
  readonly referenceId?: string;
  /** How far the server's clock is ahead, in seconds. */
  readonly aheadSeconds?: number;
  readonly origin?: bigint;
};

/** The seconds from 1900 to 1970. */
const FROM_1900_SECONDS = 2_208_988_800;

/** An answer to a request, by the machine's clock. */
export function answerTo(request: Buffer, options: AnswerOptions = {}): Buffer {
  const { head = 0x24, stratum = 1, referenceId = "FAKE", aheadSeconds = 0 } = options;
  const answer = Buffer.alloc(48);
  const seconds = Date.now() / 1000 + FROM_1900_SECONDS + aheadSeconds;
  answer.writeUInt8(head, 0);
  answer.writeUInt8(stratum, 1);
  answer.writeInt8(-10, 3);
  answer.write(referenceId, 12, "latin1");
  answer.writeBigUInt64BE(options.origin ?? request.readBigUInt64BE(40), 24);
  for (const offset of [32, 40]) {
    answer.writeUInt32BE(Math.floor(seconds), offset);
    answer.writeUInt32BE(Math.floor((seconds % 1) * 2 ** 32), offset + 4);
  }
  return answer;
}
