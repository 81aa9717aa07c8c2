/** The PTP clocks that the kernel shows. chronyd's PHC0 is one of them. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** A PTP clock. */
export type PtpClock = {
  /** `ptp0` for `/dev/ptp0`. */
  readonly device: string;
  /** What its driver calls it: `hyperv` is the clock of the Azure host, `KVM virtual PTP` another host's. */
  readonly clockName: string;
};

/** Where Linux shows them. */
export const PTP_FOLDER = "/sys/class/ptp";

const DEVICE = /^ptp\d{1,6}$/;

/** A machine has one or two, and a card with many functions some more. */
const MOST_CLOCKS = 16;

/** A longer name, or one that is not printable, is no use as a label. */
const CLOCK_NAME = /^[\x20-\x7e]{1,64}$/;

/** The clocks by their devices; none where the kernel shows none, or they may not be read. */
export function readPtpClocks(folder: string): readonly PtpClock[] {
  let devices: string[];
  try {
    devices = readdirSync(folder);
  } catch {
    // No such folder: a kernel without PTP.
    return [];
  }
  return devices
    .filter((device) => DEVICE.test(device))
    .toSorted()
    .slice(0, MOST_CLOCKS)
    .flatMap((device) => {
      const clockName = readClockName(join(folder, device, "clock_name"));
      return clockName === undefined ? [] : [{ device, clockName }];
    });
}

function readClockName(path: string): string | undefined {
  try {
    const name = readFileSync(path, "latin1").trim();
    return CLOCK_NAME.test(name) ? name : undefined;
  } catch {
    // Removed meanwhile.
    return undefined;
  }
}
