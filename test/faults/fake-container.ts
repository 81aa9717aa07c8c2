import { readFileSync } from "node:fs";
import type { Collector } from "../parts/collector.ts";
import { endWith, type Owner } from "../parts/owner.ts";

const LOOK_MS = 20;
const PAGE_BYTES = 4096;
const MEBIBYTE = 1_048_576;

/** A fake of a container's memory limit: a collector that exceeds it is killed and restarted. */
export type FakeContainer = {
  /** The largest resident memory since the last call, in MiB. */
  peakMib(): number;
  /** The number of restarts since the last call. */
  restarts(): number;
};

/**
 * Puts a running collector into a container. The kubelet restarts a container at once, and from the second time on with
 * a delay (10 s, then twice as long each time); this one has no delay.
 */
export function startFakeContainer(
  owner: Owner,
  collector: Collector,
  limitMib: number,
): FakeContainer {
  let peak = 0;
  let restarts = 0;
  let starting: Promise<void> | undefined;
  const looking = setInterval(() => {
    const resident = residentMib(collector.process.pid);
    peak = Math.max(peak, resident);
    if (resident > limitMib && starting === undefined) {
      restarts += 1;
      collector.process.signal("SIGKILL");
      starting = collector.restart().finally(() => {
        starting = undefined;
      });
    }
  }, LOOK_MS);
  endWith(owner, async () => {
    clearInterval(looking);
    await starting;
  });
  return {
    peakMib() {
      const seen = peak;
      peak = 0;
      return Math.round(seen);
    },
    restarts() {
      const seen = restarts;
      restarts = 0;
      return seen;
    },
  };
}

/** The resident memory of a process, in MiB; 0 when it has ended. */
function residentMib(pid: number): number {
  try {
    const [, pages = "0"] = readFileSync(`/proc/${pid}/statm`, "utf8").split(" ");
    return (Number(pages) * PAGE_BYTES) / MEBIBYTE;
  } catch {
    return 0;
  }
}
