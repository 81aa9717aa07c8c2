import type { Result } from "../result.ts";
import type { ChronyError } from "./chrony-error.ts";

/** A socket to one chronyd that carries whole packets: Unix datagrams or UDP. */
export type PacketSocket = {
  /** Sends one packet. A failure arrives at the listener's `failed`. */
  send(packet: Uint8Array): void;
  /** Frees everything, a socket file included. Nothing arrives afterwards. May be called twice. */
  close(): void;
};

/** Who is told what a {@link PacketSocket} receives. */
export type PacketListener = {
  /** @returns whether this is the answer that was waited for */
  received(packet: Uint8Array): boolean;
  /** The socket is of no more use. */
  failed(error: ChronyError): void;
};

/** Opens a socket to one chronyd. */
export type OpenPacketSocket = (
  listener: PacketListener,
) => Promise<Result<PacketSocket, ChronyError>>;
