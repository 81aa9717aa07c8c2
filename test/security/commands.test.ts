// The commands that the agent can send, compared with the read-only commands of chrony's candm.h.

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";
import { ROOT } from "../../tools/sbom.ts";

/** https://gitlab.com/chrony/chrony/-/blob/4.5/candm.h */
const READING = new Map([
  [14, "REQ_N_SOURCES"],
  [15, "REQ_SOURCE_DATA"],
  [33, "REQ_TRACKING"],
  [34, "REQ_SOURCESTATS"],
  [44, "REQ_ACTIVITY"],
  [54, "REQ_SERVER_STATS"],
  [57, "REQ_NTP_DATA"],
  [65, "REQ_NTP_SOURCE_NAME"],
]);

test("each command in src/chrony is read-only, and all expected ones exist", async () => {
  const folder = `${ROOT}src/chrony`;
  const texts = await Promise.all(
    (await readdir(folder)).map((name) => readFile(`${folder}/${name}`, "utf8")),
  );
  const commands = texts.flatMap((text) =>
    [...text.matchAll(/\bcommand: (\d+)/g)].map(([, command]) => Number(command)),
  );
  assert.deepEqual(
    commands.toSorted((one, other) => one - other),
    [...READING.keys()],
  );
});

test("a command is written to a request in one place, from the requested report", async () => {
  const folder = `${ROOT}src/chrony`;
  const writers: string[] = [];
  for (const name of await readdir(folder)) {
    // The command is the 16-bit field at byte 4: see the layout in packet.ts.
    for (const [write] of (await readFile(`${folder}/${name}`, "utf8")).matchAll(
      /setUint16\(4, [^)]*\)/g,
    )) {
      writers.push(`${name}: ${write}`);
    }
  }
  assert.deepEqual(writers, ["packet.ts: setUint16(4, report.command)"]);
});
