/**
 * `npm test`: brings the real parts, checks types, lint and format, then runs the tests.
 * `npm test -- FILE …` runs these files only; options of `node --test` may stand there, too.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { bringPrograms, progressToStandardError } from "../test/parts/bring.ts";
import { orSayWhatIsMissing } from "./or-say-what-is-missing.ts";

/** A test that hangs is a failure; the slowest take a minute. */
const LONGEST_TEST_MS = 300_000;

const root = fileURLToPath(new URL("..", import.meta.url));

function run(command: string, args: readonly string[]): void {
  const { status } = spawnSync(command, args, { cwd: root, stdio: "inherit" });
  if (status !== 0) {
    process.exit(status ?? 1);
  }
}

// Here, and not where a test needs them, so that their progress is seen and no test waits for it.
await orSayWhatIsMissing(() => bringPrograms(progressToStandardError));
const words = process.argv.slice(2);
if (words.every((word) => word.startsWith("-"))) {
  run("npm", ["run", "--silent", "check"]);
  // Those that are left out have commands of their own.
  words.push("test/*.test.ts", "test/!(cluster)/**/*.test.ts");
}
run(process.execPath, [
  "--test",
  "--test-reporter=spec",
  `--test-timeout=${LONGEST_TEST_MS}`,
  ...words,
]);
