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
  /** The polling interval of chrony.conf: a power of 2, in seconds. Default: -4. */
  readonly poll?: number;
  /** The number of samples for one measurement. Default: 1. */
  readonly filter?: number;
};

/** A reference clock that agrees with the machine's clock by default. */
export type ReferenceClock = {
  /** Its line of chrony.conf. */
  readonly configuration: string;
  /** Sets how far it is ahead of the machine's clock, in seconds (negative: behind). */
  setOffset(seconds: number): void;
  /** Stops the samples. chronyd keeps running. */
  stop(): void;
};

/**
 * Sends samples to chronyd's SOCK driver, as gpsd does. To chronyd it is a real reference clock, with the name `PHC0` as on
 * an AKS node. Its samples are exact, because they are offsets from the machine's clock. With the default options chronyd
 * is synchronised after a quarter of a second.
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
      // The socket does not exist before chronyd has started. The next sample will arrive.
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
 * `struct sock_sample` of chrony's refclock_sock.c on a little-endian machine of 64 bits: the time, in seconds and
 * microseconds since 1970, and how far the reference is ahead of the system's clock.
 *
 * @param wallMs its time; chronyd ignores samples from the future and samples that are too old
 */
function sampleOf(wallMs: number, offsetSeconds: number): Buffer {
  const sample = Buffer.alloc(40);
  sample.writeBigInt64LE(BigInt(Math.floor(wallMs / 1000)), 0);
  sample.writeBigInt64LE(BigInt((wallMs % 1000) * 1000), 8);
  sample.writeDoubleLE(offsetSeconds, 16);
  sample.writeInt32LE(MAGIC, 36);
  return sample;
}
