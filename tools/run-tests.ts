import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";

/** A test that hangs is a failure; the slowest take a minute. */
export const LONGEST_TEST_MS = 300_000;

/** More than there are cores: most tests wait for real programs most of their time. */
export const FILES_AT_ONCE = availableParallelism() + 2;

/** All that `npm test` runs; those that are left out have commands of their own. */
const ALL_FILES = ["test/*.test.ts", "test/!(cluster)/**/*.test.ts"];

/** The project's folder. */
export const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** Whether the words of a command line name test files, or are only options of `node --test`. */
export function namesFiles(args: readonly string[]): boolean {
  return args.some((arg) => !arg.startsWith("-"));
}

/**
 * Runs tests in a process of its own and waits for its end.
 * @param args files and options of `node --test`; all files when none is named
 * @param reporters in place of the list of tests on standard output
 */
export function runTests(
  args: readonly string[],
  reporters: readonly string[] = ["--test-reporter=spec"],
): SpawnSyncReturns<Buffer> {
  const files = namesFiles(args) ? [] : ALL_FILES;
  return spawnSync(
    process.execPath,
    [
      "--test",
      `--test-timeout=${LONGEST_TEST_MS}`,
      `--test-concurrency=${FILES_AT_ONCE}`,
      ...reporters,
      ...args,
      ...files,
    ],
    { cwd: ROOT, stdio: "inherit" },
  );
}
