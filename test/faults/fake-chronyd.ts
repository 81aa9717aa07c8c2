import { chmodSync, rmSync } from "node:fs";
import { startDatagramServer } from "../parts/datagram-server.ts";
import { endWith, type Owner } from "../parts/owner.ts";

/** A fake chronyd with another version of the command protocol. */
export type FakeChronyd = {
  stop(): void;
};

const REQUEST_SEQUENCE_OFFSET = 8;
const REPLY_SEQUENCE_OFFSET = 16;
const BAD_PACKET_VERSION = 18;

/**
 * Answers every request as chronyd answers one of an unknown version: with a header of its own version (here 7, which no
 * release has yet) and the status BADPKTVERSION.
 *
 * @param path of its socket; an existing file is removed
 */
export function startFakeChronyd(owner: Owner, path: string): FakeChronyd {
  rmSync(path, { force: true });
  const server = startDatagramServer(path, (request, answer) => {
    const reply = Buffer.alloc(28);
    reply.writeUInt8(7, 0);
    reply.writeUInt8(2, 1);
    request.copy(reply, 4, 4, 6);
    reply.writeUInt16BE(1, 6);
    reply.writeUInt16BE(BAD_PACKET_VERSION, 8);
    request.copy(
      reply,
      REPLY_SEQUENCE_OFFSET,
      REQUEST_SEQUENCE_OFFSET,
      REQUEST_SEQUENCE_OFFSET + 4,
    );
    answer(reply);
  });
  // An agent that root started has another user now.
  chmodSync(path, 0o666);
  let isStopped = false;
  const stop = () => {
    if (!isStopped) {
      isStopped = true;
      server.close();
      rmSync(path, { force: true });
    }
  };
  endWith(owner, stop);
  return { stop };
}
