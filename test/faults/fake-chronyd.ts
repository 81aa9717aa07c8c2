import { chmodSync, rmSync } from "node:fs";
import { DgramSocket } from "node-unix-socket";

/** Stands in for a chronyd whose release speaks another version of the command protocol. */
export interface FakeChronyd {
  stop(): void;
}

const requestSequenceOffset = 8;
const replySequenceOffset = 16;
const badPacketVersion = 18;

/**
 * Answers every request as chronyd answers one of a version that it does not know: with a header of
 * its own version (here 7, which no release speaks yet) and the status BADPKTVERSION.
 *
 * @param path of its socket; what another chronyd left there is removed.
 */
export function startFakeChronyd(path: string): FakeChronyd {
  rmSync(path, { force: true });
  const socket = new DgramSocket();
  socket.on("data", (request: Buffer, sender: string) => {
    const reply = Buffer.alloc(28);
    reply.writeUInt8(7, 0);
    reply.writeUInt8(2, 1);
    request.copy(reply, 4, 4, 6);
    reply.writeUInt16BE(1, 6);
    reply.writeUInt16BE(badPacketVersion, 8);
    request.copy(reply, replySequenceOffset, requestSequenceOffset, requestSequenceOffset + 4);
    socket.sendTo(reply, 0, reply.length, sender, () => {});
  });
  socket.bind(path);
  // An agent that root started is another user by now.
  chmodSync(path, 0o666);
  return {
    stop() {
      socket.close();
      rmSync(path, { force: true });
    },
  };
}
