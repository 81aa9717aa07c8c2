/**
 * `npm test`: brings the real parts, checks types, lint and format, then runs the tests.
 * `npm test -- FILE …` runs only these files. It accepts options of `node --test`.
 */
import { spawnSync } from "node:child_process";
import { bringPrograms, progressToStandardError } from "../test/parts/bring.ts";
import { reportMissingPart } from "./report-missing-part.ts";
import { ALL_TESTS, namesFiles, ROOT, runTests } from "./run-tests.ts";

// Before the tests, so that the progress is visible and no test waits for a download.
await reportMissingPart(() => bringPrograms(progressToStandardError));
const args = process.argv.slice(2);
if (!namesFiles(args)) {
  const { status } = spawnSync("npm", ["run", "--silent", "check"], {
    cwd: ROOT,
    stdio: "inherit",
  });
  if (status !== 0) {
    process.exit(status ?? 1);
  }
}
process.exit(runTests({ args: namesFiles(args) ? args : [...args, ...ALL_TESTS] }).status ?? 1);
