import { DgramSocket } from "node-unix-socket";

const feedIntervalMilliseconds = 100;

/** A reference clock that always says what the machine's clock says. */
export interface ReferenceClock {
  /** Its line of chrony.conf. */
  readonly configuration: readonly string[];
  /** No sample comes from now on; chronyd keeps running. */
  stop(): void;
}

/**
 * Feeds chronyd samples through its SOCK driver, as gpsd does: a real reference clock as far as
 * chronyd can tell, whose name is `PHC0` as on an AKS node.
 *
 * @param socketPath where chronyd makes the driver's socket
 */
export function startReferenceClock(socketPath: string): ReferenceClock {
  const socket = new DgramSocket();
  const timer = setInterval(() => {
    const sample = sampleOf(Date.now());
    // Nobody listens before chronyd has started: the next sample will do.
    socket.sendTo(sample, 0, sample.length, socketPath, () => {});
  }, feedIntervalMilliseconds);
  return {
    configuration: [`refclock SOCK ${socketPath} refid PHC0 poll 0 filter 4`, "port 0"],
    stop() {
      clearInterval(timer);
      socket.close();
    },
  };
}

/** `struct sock_sample` of chrony's refclock_sock.c on a machine of 64 bits, little-endian. */
function sampleOf(wallMilliseconds: number): Buffer {
  const sample = Buffer.alloc(40);
  sample.writeBigInt64LE(BigInt(Math.floor(wallMilliseconds / 1000)), 0);
  sample.writeBigInt64LE(BigInt((wallMilliseconds % 1000) * 1000), 8);
  sample.writeDoubleLE(0, 16);
  sample.writeInt32LE(0x534f434b, 36);
  return sample;
}
