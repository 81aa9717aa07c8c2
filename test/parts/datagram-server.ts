import koffi from "koffi";
import { DatagramSocket } from "../../src/chrony/datagram-socket.ts";

const LONGEST_DATAGRAM_BYTES = 4096;
/** The size of `struct sockaddr_un`. */
const ADDRESS_BYTES = 110;

const libC = koffi.load(null);
// koffi has no ssize_t, which is a long here.
const recvfrom: (
  descriptor: number,
  packet: Uint8Array,
  packetBytes: number,
  flags: number,
  sender: Uint8Array,
  senderBytes: Uint32Array,
) => number = libC.func("long recvfrom(int, void *, size_t, int, void *, void *)");
const sendto: (
  descriptor: number,
  packet: Uint8Array,
  packetBytes: number,
  flags: number,
  recipient: Uint8Array,
  recipientBytes: number,
) => number = libC.func("long sendto(int, const void *, size_t, int, const void *, unsigned int)");

/** A Unix datagram socket that answers its senders, like chronyd's. */
export type DatagramServer = {
  /** Does not remove the socket file. */
  close(): void;
};

/** Sends from the server's path to the sender of a packet. If the sender is gone, it is lost. */
export type Answer = (packet: Uint8Array) => void;

/** Binds a server to a path. */
export function startDatagramServer(
  path: string,
  received: (packet: Buffer, answer: Answer) => void,
): DatagramServer {
  const socket = new DatagramSocket();
  socket.bind(path);
  let isClosed = false;
  socket.watch((descriptor) => {
    const packet = Buffer.alloc(LONGEST_DATAGRAM_BYTES);
    const sender = Buffer.alloc(ADDRESS_BYTES);
    const senderBytes = Uint32Array.of(ADDRESS_BYTES);
    const bytes = recvfrom(descriptor, packet, packet.length, 0, sender, senderBytes);
    if (bytes >= 0) {
      received(packet.subarray(0, bytes), (answer) => {
        if (!isClosed) {
          sendto(descriptor, answer, answer.length, 0, sender, senderBytes[0] ?? 0);
        }
      });
    }
  });
  return {
    close() {
      isClosed = true;
      socket.close();
    },
  };
}
