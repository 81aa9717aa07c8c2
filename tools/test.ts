/**
 * `npm test`: brings the real parts, checks types, lint and format, then runs the tests.
 * `npm test -- FILE …` runs these files only; options of `node --test` may stand there, too.
 */
import { spawnSync } from "node:child_process";
import { bringPrograms, progressToStandardError } from "../test/parts/bring.ts";
import { orSayWhatIsMissing } from "./or-say-what-is-missing.ts";
import { namesFiles, ROOT, runTests } from "./run-tests.ts";

// Here, and not where a test needs them, so that their progress is seen and no test waits for it.
await orSayWhatIsMissing(() => bringPrograms(progressToStandardError));
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
process.exit(runTests(args).status ?? 1);
