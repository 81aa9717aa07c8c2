/** One request to an NTP server over UDP: one datagram is sent, and its answer is waited for. */
import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { failure, type Result, success } from "../result.ts";
import type { NtpExchange } from "./measurement.ts";
import type { NtpError } from "./ntp-error.ts";
import { answers, decodePacket, encodeRequest } from "./packet.ts";

/** How long to wait for an answer. The margin of a later one would be too large to be of use. */
const ANSWER_MS = 3_000;

/** How many datagrams that do not answer the request are dropped before it is given up. */
const MOST_DROPPED = 64;

/** An IP address without brackets, and a port. */
export type ServerAddress = { readonly address: string; readonly port: number };

/** Looks up the address of a host. Names are looked up for each check, because servers of a pool change. */
export async function findServer(
  host: string,
  port: number,
): Promise<Result<ServerAddress, NtpError>> {
  if (isIP(host) !== 0) {
    return success({ address: host, port });
  }
  try {
    const { address } = await lookup(host);
    return success({ address, port });
  } catch (error) {
    return failure({ kind: "host unknown", detail: codeOf(error) });
  }
}

/**
 * Asks a server. The socket is connected, so that the kernel drops datagrams from other addresses.
 * Datagrams from the server's address that do not answer the request are dropped.
 * @param stop ends the wait; the result is then `no answer`
 */
export async function askServer(
  { address, port }: ServerAddress,
  stop: AbortSignal,
): Promise<Result<NtpExchange, NtpError>> {
  const nonce = randomBytes(8).readBigUInt64BE();
  const { promise, resolve } = Promise.withResolvers<Result<NtpExchange, NtpError>>();
  const noAnswer = () => resolve(failure({ kind: "no answer", afterMs: ANSWER_MS }));
  const deadline = setTimeout(noAnswer, ANSWER_MS);
  stop.addEventListener("abort", noAnswer, { once: true });

  const socket = createSocket(isIP(address) === 6 ? "udp6" : "udp4");
  let sentMs = 0;
  let dropped = 0;
  socket.on("error", (error) => resolve(failure(socketError(error))));
  socket.on("message", (datagram) => {
    const receivedMs = performance.now();
    const packet = decodePacket(datagram);
    if (packet !== undefined && answers(packet, nonce)) {
      resolve(success({ packet, sentMs, receivedMs }));
    } else if (++dropped === MOST_DROPPED) {
      noAnswer();
    }
  });
  socket.once("connect", () => {
    sentMs = performance.now();
    socket.send(encodeRequest(nonce));
  });
  socket.connect(port, address);
  try {
    return await promise;
  } finally {
    clearTimeout(deadline);
    stop.removeEventListener("abort", noAnswer);
    socket.removeAllListeners("message");
    socket.close();
  }
}

function socketError(error: unknown): NtpError {
  const code = codeOf(error);
  return code === "ECONNREFUSED"
    ? { kind: "nobody listens" }
    : { kind: "socket failed", detail: code };
}

function codeOf(error: unknown): string {
  return error instanceof Error
    ? ((error as NodeJS.ErrnoException).code ?? error.message)
    : String(error);
}
