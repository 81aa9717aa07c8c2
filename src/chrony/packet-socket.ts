import type { Result } from "../result.ts";
import type { ChronyError } from "./chrony-error.ts";

/** A socket to one chronyd that carries whole packets: Unix datagrams or UDP. */
export type PacketSocket = {
  /** Sends one packet. An error is reported to the listener's `failed`. */
  send(packet: Uint8Array): void;
  /** Closes the socket and removes its file. No packet is delivered afterwards. May be called twice. */
  close(): void;
};

/** Receives the packets and errors of a {@link PacketSocket}. */
export type PacketListener = {
  /** @returns whether this is the expected answer */
  received(packet: Uint8Array): boolean;
  /** The socket can no longer be used. */
  failed(error: ChronyError): void;
};

/** Opens a socket to one chronyd. */
export type OpenPacketSocket = (
  listener: PacketListener,
) => Promise<Result<PacketSocket, ChronyError>>;
