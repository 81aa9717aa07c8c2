import { join } from "node:path";
import { DatagramSocket } from "../../src/chrony/datagram-socket.ts";
import { endWith, type Owner } from "./owner.ts";
import { folderOf } from "./scratch-folder.ts";

// Shorter than the shortest polling interval, so that each poll finds a sample.
const FEED_INTERVAL_MS = 50;
/** `SOCK_MAGIC` of chrony's refclock_sock.c. */
const MAGIC = 0x534f434b;

/** How chronyd uses the samples. */
export type ReferenceClockOptions = {
  /** The polling interval as chrony.conf has it: a power of 2, in seconds. -4 when left out. */
  readonly poll?: number;
  /** How many samples make one measurement; 1 when left out. */
  readonly filter?: number;
};

/** A reference clock that agrees with the machine's clock, unless it is told otherwise. */
export type ReferenceClock = {
  /** Its line of chrony.conf. */
  readonly configuration: string;
  /** From now on it is this much ahead of the machine's clock, in seconds (negative: behind). */
  setOffset(seconds: number): void;
  /** No sample comes from now on; chronyd keeps running. */
  stop(): void;
};

/**
 * Feeds chronyd samples through its SOCK driver, as gpsd does: a real reference clock as far as
 * chronyd can know, whose name is `PHC0` as on an AKS node. Its samples are exact, because
 * they are offsets from the machine's clock. A chronyd with the options' defaults is synchronised after a quarter of a second.
 */
export async function startReferenceClock(
  owner: Owner,
  { poll = -4, filter = 1 }: ReferenceClockOptions = {},
): Promise<ReferenceClock> {
  const socketPath = join(await folderOf(owner), "refclock.sock");
  const socket = new DatagramSocket();
  let offsetSeconds = 0;
  const timer = setInterval(() => {
    try {
      // Each time, because a restarted chronyd has a new socket.
      socket.connect(socketPath);
      socket.send(sampleOf(Date.now(), offsetSeconds));
    } catch {
      // Until chronyd has started, the socket does not exist: the next sample will do.
    }
  }, FEED_INTERVAL_MS);
  let isStopped = false;
  const stop = () => {
    if (!isStopped) {
      isStopped = true;
      clearInterval(timer);
      socket.close();
    }
  };
  endWith(owner, stop);
  return {
    configuration: `refclock SOCK ${socketPath} refid PHC0 poll ${poll} filter ${filter}`,
    setOffset(seconds) {
      offsetSeconds = seconds;
    },
    stop,
  };
}

/**
 * `struct sock_sample` of chrony's refclock_sock.c on a machine of 64 bits, little-endian: the time,
 * in seconds and microseconds since 1970, and how far the reference is ahead of the system's clock.
 *
 * @param wallMs when it is taken; chronyd ignores one from the future and one that is too old.
 */
function sampleOf(wallMs: number, offsetSeconds: number): Buffer {
  const sample = Buffer.alloc(40);
  sample.writeBigInt64LE(BigInt(Math.floor(wallMs / 1000)), 0);
  sample.writeBigInt64LE(BigInt((wallMs % 1000) * 1000), 8);
  sample.writeDoubleLE(offsetSeconds, 16);
  sample.writeInt32LE(MAGIC, 36);
  return sample;
}
