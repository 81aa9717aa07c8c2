/**
 * `npm run test:mutation -- [--tests FILE]... [--alone] [--most N] FILE...`: finds faults in these source files
 * that no test detects. It makes the mutants of each file (mutants.ts), one at a time, in a copy of the
 * project, and runs the file's tests until one fails. It prints each mutant that survives.
 */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, globSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { API } from "typescript/unstable/sync";
import { type RunningProcess, startProcess } from "../test/parts/running-process.ts";
import { scratchFolder } from "../test/parts/scratch-folder.ts";
import { type Mutant, mutantsOf } from "./mutants.ts";
import { ROOT } from "./run-tests.ts";

const HELP = `Usage: npm run test:mutation -- [--tests FILE]... [--alone] [--most N] FILE...

Puts one small fault at a time into a copy of each FILE of src/, runs the tests that belong to it, and
prints the faults that no test sees. Those tests are test/FOLDER/*.test.ts for a file in src/FOLDER,
each test file with the file's own name, and those that show what the file gives (TESTS_ELSEWHERE of
this tool). Tests of the folder that take longer than 20 s are left out, and named. A fault that the
compiler rejects does not count.

  --tests FILE  also run these test files (a pattern); may be given more than once
  --alone       not the tests of the file's folder, which take longer
  --most N      no more than N mutants of each file, evenly spread (default: all)
  --help        print this

Exit codes:
  0  at most 5 % survive in each file
  1  more do, or a test fails without a fault
  2  an invalid command line
`;

const MOST_SURVIVORS = 0.05;

/** The timeout of a test with a mutant, from its duration without: a mutant may loop for ever. */
const SLOWER = 5;
const SLOWER_BY_MS = 10_000;

/** A test of the folder that takes longer is skipped. */
const LONGEST_MS = 20_000;

/** Tests in other folders of a file or folder, for example of its texts. */
const TESTS_ELSEWHERE: Readonly<Record<string, readonly string[]>> = {
  "src/metrics": ["test/docs/tables.test.ts"],
  "src/setting-parsers.ts": ["test/settings.test.ts"],
  "src/settings.ts": ["test/docs/tables.test.ts"],
  "src/summary/clock-rows.ts": ["test/status/views.test.ts", "test/page/page.test.ts"],
  "src/summary/state-words.ts": ["test/status/views.test.ts"],
  "src/summary/verdict.ts": ["test/status/views.test.ts"],
};

type TestFile = { readonly path: string; readonly tookMs: number };

const { files, moreTests, alone, most } = commandLine();
const folder = await scratchFolder("ct-mutation");
copyProject();
const compiler = new API({ cwd: folder.path });
const durations = new Map<string, number>();
let tooMany = false;
for (const file of files) {
  const tests = await testsOf(file);
  tooMany = (await survivorsOf(file, tests)) > MOST_SURVIVORS || tooMany;
}
compiler.close();
process.exitCode = tooMany ? 1 : 0;

/** Prints the mutants of a file that survive, and returns their share. */
async function survivorsOf(file: string, tests: readonly TestFile[]): Promise<number> {
  const path = join(folder.path, file);
  const source = readFileSync(path, "utf8");
  const all = mutantsIn(path);
  const chosen = all.filter((_, index) => index % Math.max(1, all.length / most) < 1);
  let tried = 0;
  let survived = 0;
  for (const { from, to, text } of chosen) {
    writeFileSync(path, source.slice(0, from) + text + source.slice(to));
    if (compiles(path)) {
      tried += 1;
      if (!(await isSeenBy(tests))) {
        survived += 1;
        const line = source.slice(0, from).split("\n").length;
        print(`${file}:${line}: ${inOneLine(source.slice(from, to))} -> ${inOneLine(text)}`);
      }
    }
  }
  writeFileSync(path, source);
  compiles(path);
  const share = survived / Math.max(1, tried);
  const sample = chosen.length < all.length ? `, ${chosen.length} of ${all.length} taken` : "";
  print(
    `${file}: ${survived} of ${tried} mutants survive (${(100 * share).toFixed(1)} %)${sample}`,
  );
  return share;
}

/** Whether a test fails. */
async function isSeenBy(tests: readonly TestFile[]): Promise<boolean> {
  for (const { path, tookMs } of tests) {
    if (!(await passes(path, SLOWER * tookMs + SLOWER_BY_MS))) {
      return true;
    }
  }
  return false;
}

async function passes(test: string, limitMs: number): Promise<boolean> {
  // With it, the test runner would report to an outer test runner.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const running = startProcess({
    name: test,
    command: process.execPath,
    // A failed test may leave open handles that keep the process running.
    args: ["--test-force-exit", test],
    cwd: folder.path,
    env,
  });
  const timer = setTimeout(() => void stopWithAll(running), limitMs);
  const { code } = await running.exited;
  clearTimeout(timer);
  return code === 0;
}

/** Ends a test that hangs, and its child processes, because it may be too busy to end them itself. */
async function stopWithAll(running: RunningProcess): Promise<void> {
  const started = descendantsOf(running.pid);
  await running.stop();
  for (const one of started) {
    try {
      process.kill(one, "SIGKILL");
    } catch {
      // It ended with the test.
    }
  }
}

function descendantsOf(pid: number): number[] {
  const rows = execFileSync("ps", ["-eo", "pid=,ppid="], { encoding: "utf8" }).trim().split("\n");
  const pairs = rows.map((row) => row.trim().split(/\s+/).map(Number));
  const below = (parent: number): number[] =>
    pairs.flatMap(([child = 0, its]) => (its === parent ? [child, ...below(child)] : []));
  return below(pid);
}

/** The duration of a test without a mutant, in milliseconds. It must pass. */
async function durationOf(path: string): Promise<number> {
  const beganMs = performance.now();
  const known = durations.get(path);
  if (known === undefined && !(await passes(path, 10 * 60_000))) {
    process.stderr.write(`${path} fails without a mutant.\n`);
    process.exit(1);
  }
  const tookMs = known ?? performance.now() - beganMs;
  durations.set(path, tookMs);
  return tookMs;
}

/** The tests of a file: first the one with its name, then the others, the quickest first. */
async function testsOf(file: string): Promise<TestFile[]> {
  const name = basename(file, ".ts");
  const folderOfTests = dirname(file).replace(/^src/, "test");
  const named = globSync(
    [
      `test/**/${name}.test.ts`,
      ...(TESTS_ELSEWHERE[file] ?? TESTS_ELSEWHERE[dirname(file)] ?? []),
      ...moreTests,
    ],
    { cwd: folder.path },
  );
  const ofFolder =
    alone || folderOfTests === "test"
      ? []
      : globSync(`${folderOfTests}/*.test.ts`, { cwd: folder.path });
  const tests: TestFile[] = [];
  for (const path of new Set([...named, ...ofFolder])) {
    const tookMs = await durationOf(path);
    if (tookMs <= LONGEST_MS || named.includes(path)) {
      tests.push({ path, tookMs });
    } else {
      print(`${path} is left out: it takes ${Math.round(tookMs / 1000)} s.`);
    }
  }
  if (tests.length === 0) {
    process.stderr.write(`No test belongs to ${file}: name some with --tests.\n`);
    process.exit(2);
  }
  const order = ({ path, tookMs }: TestFile) => (basename(path, ".test.ts") === name ? 0 : tookMs);
  return tests.toSorted((a, b) => order(a) - order(b));
}

function mutantsIn(path: string): Mutant[] {
  const source = program().getSourceFile(path);
  return source === undefined ? [] : mutantsOf(source);
}

function compiles(path: string): boolean {
  const { length } = [
    ...program(path).getSyntacticDiagnostics(path),
    ...program(path).getSemanticDiagnostics(path),
  ];
  return length === 0;
}

/** The compiler's program of the copy, after a file has changed. */
function program(changed?: string) {
  const change =
    changed === undefined
      ? { openProject: join(folder.path, "tsconfig.json") }
      : { fileChanges: { changed: [changed] } };
  const [project] = compiler.updateSnapshot(change).getProjects();
  if (project === undefined) {
    throw new Error("the compiler has no project");
  }
  return project.program;
}

function copyProject(): void {
  const listed = execFileSync("git", ["ls-files", "-coz", "--exclude-standard"], { cwd: ROOT });
  for (const path of listed.toString().split("\0")) {
    if (path !== "" && existsSync(join(ROOT, path))) {
      cpSync(join(ROOT, path), join(folder.path, path));
    }
  }
  symlinkSync(join(ROOT, "node_modules"), join(folder.path, "node_modules"));
}

function commandLine() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        tests: { type: "string", multiple: true, default: [] },
        alone: { type: "boolean", default: false },
        most: { type: "string", default: "1000000" },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) {
      process.stdout.write(HELP);
      process.exit(0);
    }
    const mostMutants = Number(values.most);
    if (!(Number.isSafeInteger(mostMutants) && mostMutants > 0)) {
      usageError(`--most is ${values.most}: expected a whole number above 0.`);
    }
    const wrong = positionals.find(
      (file) => !/^src\/.*\.ts$/.test(file) || !existsSync(join(ROOT, file)),
    );
    if (wrong !== undefined) {
      usageError(`${wrong} is not a file of src/.`);
    }
    if (positionals.length === 0) {
      usageError("No file is named.");
    }
    return { files: positionals, moreTests: values.tests, alone: values.alone, most: mostMutants };
  } catch (error) {
    return usageError(error instanceof Error ? error.message : String(error));
  }
}

function usageError(sentence: string): never {
  process.stderr.write(`${sentence}\n\n${HELP}`);
  process.exit(2);
}

function inOneLine(text: string): string {
  const line = text.replace(/\s+/g, " ");
  return line.length > 70 ? `${line.slice(0, 69)}…` : line;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
