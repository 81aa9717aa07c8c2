import { readFileSync } from "node:fs";
import type { Collector } from "../parts/collector.ts";
import { endWith, type Owner } from "../parts/owner.ts";

const LOOK_MS = 20;
const PAGE_BYTES = 4096;
const MEBIBYTE = 1_048_576;

/** A fake of a container's memory limit: a collector beyond it is killed, and started again. */
export type FakeContainer = {
  /** The most that was resident since the last call, in MiB. */
  peakMib(): number;
  /** How often it was killed and started again since the last call. */
  restarts(): number;
};

/**
 * Puts a running collector into a container. The kubelet starts a container again at once, and waits
 * from the second time on (10 s, then twice as long each time); this one never waits.
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

/** What a process has resident, in MiB; 0 when it has ended. */
function residentMib(pid: number): number {
  try {
    const [, pages = "0"] = readFileSync(`/proc/${pid}/statm`, "utf8").split(" ");
    return (Number(pages) * PAGE_BYTES) / MEBIBYTE;
  } catch {
    return 0;
  }
}
