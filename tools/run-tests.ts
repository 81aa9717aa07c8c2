/** Runs test files with Node.js' test runner. */
import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The project's folder. */
export const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** The slowest tests take a minute; one that takes this long hangs. */
const TEST_TIMEOUT_MS = 300_000;

/** More than there are cores, because most tests wait for real programs most of their time. */
const FILES_AT_ONCE = availableParallelism() + 4;

/**
 * Where Node.js keeps compiled code, so that each of the some hundred processes of the tests starts in half of the
 * time. Its files are named by a hash of their source.
 */
const COMPILE_CACHE = join(ROOT, "node_modules/.cache/compiled-by-node");

export type TestRun = {
  /** Files, patterns of files, and options of `node --test`. */
  readonly args: readonly string[];
  /** How long one test may take, in milliseconds. */
  readonly timeoutMs?: number;
  readonly filesAtOnce?: number;
  /** In place of a list of the tests on standard output. */
  readonly reporters?: readonly string[];
  /** The Node.js to run them with, if not this one. */
  readonly node?: string;
  /** Variables in addition to those of this process. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Whether to keep the output in place of printing it. */
  readonly keepsOutput?: boolean;
};

/** Whether arguments name test files, and not only options of `node --test`. */
export function namesFiles(args: readonly string[]): boolean {
  return args.some((arg) => !arg.startsWith("-"));
}

/** Runs tests in a process, and waits until it ends. */
export function runTests({
  args,
  timeoutMs = TEST_TIMEOUT_MS,
  filesAtOnce = FILES_AT_ONCE,
  reporters = ["--test-reporter=spec"],
  node = process.execPath,
  environment = {},
  keepsOutput = false,
}: TestRun): SpawnSyncReturns<string> {
  const options = [
    "--test",
    `--test-timeout=${timeoutMs}`,
    `--test-concurrency=${filesAtOnce}`,
    ...reporters,
  ];
  return spawnSync(node, [...options, ...args], {
    cwd: ROOT,
    stdio: keepsOutput ? "pipe" : "inherit",
    encoding: "utf8",
    maxBuffer: Number.POSITIVE_INFINITY,
    env: { ...process.env, NODE_COMPILE_CACHE: COMPILE_CACHE, ...environment },
  });
}

/** The files of `npm test`. Those in test/cluster and test/faults have commands of their own. */
export const ALL_TESTS: readonly string[] = ["test/*.test.ts", "test/!(cluster)/**/*.test.ts"];
