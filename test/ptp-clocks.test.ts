// PTP clocks in a fake folder like /sys/class/ptp.

import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { PTP_FOLDER, readPtpClocks } from "../src/ptp-clocks.ts";
import { folderOf } from "./parts/scratch-folder.ts";

async function folderWith(
  t: TestContext,
  clocks: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  const folder = await folderOf(t);
  for (const [device, clockName] of Object.entries(clocks)) {
    mkdirSync(join(folder, device));
    if (clockName !== undefined) {
      writeFileSync(join(folder, device, "clock_name"), clockName);
    }
  }
  return folder;
}

test("PTP clocks are listed by device and name, in order", async (t) => {
  const folder = await folderWith(t, { ptp1: "hyperv\n", ptp0: "KVM virtual PTP\n" });
  assert.deepEqual(readPtpClocks(folder), [
    { device: "ptp0", clockName: "KVM virtual PTP" },
    { device: "ptp1", clockName: "hyperv" },
  ]);
});

test("no PTP clock is not an error, nor is a missing folder", async (t) => {
  assert.deepEqual(readPtpClocks(await folderOf(t)), []);
  assert.deepEqual(readPtpClocks(join(await folderOf(t), "nowhere")), []);
});

test("a clock without a printable name is left out, and the others are not", async (t) => {
  const folder = await folderWith(t, {
    ptp0: undefined,
    ptp1: "\n",
    ptp2: "a\u0007b\n",
    ptp3: `${"x".repeat(65)}\n`,
    "ptp-4": "other\n",
    ptp1234567: "other\n",
    xptp6: "other\n",
    ptp5: "hyperv\n",
  });
  assert.deepEqual(readPtpClocks(folder), [{ device: "ptp5", clockName: "hyperv" }]);
});

test("the first 16 are read, in an order that does not depend on the folder's", async (t) => {
  const devices = Array.from({ length: 17 }, (_, index) => `ptp${index + 10}`);
  const folder = await folderWith(
    t,
    Object.fromEntries(devices.toReversed().map((device) => [device, `${"x".repeat(64)}\n`])),
  );
  assert.deepEqual(
    readPtpClocks(folder).map(({ device }) => device),
    devices.slice(0, 16),
  );
});

test("this machine's clocks are read without an error, whether it has some or not", () => {
  for (const { device, clockName } of readPtpClocks(PTP_FOLDER)) {
    assert.match(device, /^ptp\d+$/);
    assert.notEqual(clockName, "");
  }
});
