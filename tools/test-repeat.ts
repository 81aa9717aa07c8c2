/**
 * `npm run test:repeat -- N [--load] [FILE …]`: runs all tests, or these files, N times and counts the
 * failures. It accepts options of `node --test`. `--load` keeps every core busy meanwhile.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, relative } from "node:path";
import { bringPrograms, progressToStandardError } from "../test/parts/bring.ts";
import { markdownRow } from "./markdown-table.ts";
import type { TestOutcome } from "./outcomes-reporter.ts";
import { reportMissingPart } from "./report-missing-part.ts";
import { ALL_TESTS, namesFiles, ROOT, runTests } from "./run-tests.ts";

const EXIT_USAGE = 2;

const [timesText = "", ...args] = process.argv.slice(2);
const times = Number(timesText);
if (!(Number.isSafeInteger(times) && times > 0)) {
  process.stderr.write(
    `The number of runs is ${JSON.stringify(timesText)}: expected a whole number above 0. Usage: npm run test:repeat -- N [--load] [FILE …]\n`,
  );
  process.exit(EXIT_USAGE);
}
const isLoaded = args.includes("--load");
const testArgs = args.filter((arg) => arg !== "--load");

await reportMissingPart(() => bringPrograms(progressToStandardError));
const folder = mkdtempSync(join(tmpdir(), "ct-repeat-"));
const burners = isLoaded ? Array.from({ length: availableParallelism() }, burnOneCore) : [];
const failures = new Map<string, number>();
let failedRuns = 0;

process.stdout.write(
  "| run | load | seconds | passed | skipped | failed |\n| --- | --- | --- | --- | --- | --- |\n",
);
for (let run = 1; run <= times; run += 1) {
  const outcomesFile = join(folder, `${run}.jsonl`);
  const specFile = join(folder, `${run}.txt`);
  const beganMs = performance.now();
  const { status } = runTests({
    args: namesFiles(testArgs) ? testArgs : [...testArgs, ...ALL_TESTS],
    reporters: [
      "--test-reporter=spec",
      `--test-reporter-destination=${specFile}`,
      "--test-reporter=./tools/outcomes-reporter.ts",
      `--test-reporter-destination=${outcomesFile}`,
    ],
  });
  const seconds = Math.round((performance.now() - beganMs) / 1000);
  const outcomes = outcomesIn(outcomesFile);
  const count = (result: TestOutcome["result"]) =>
    outcomes.filter((outcome) => outcome.result === result).length;
  const cells = [
    run,
    isLoaded ? "yes" : "no",
    seconds,
    count("passed"),
    count("skipped"),
    count("failed"),
  ];
  process.stdout.write(markdownRow(cells.map(String)));
  for (const { result, name } of outcomes) {
    if (result === "failed") {
      failures.set(name, (failures.get(name) ?? 0) + 1);
    }
  }
  if (status === 0) {
    rmSync(specFile);
  } else {
    failedRuns += 1;
    process.stdout.write(`\nRun ${run} failed; its output: ${specFile}\n\n`);
  }
  rmSync(outcomesFile);
}
for (const burner of burners) {
  burner.kill("SIGKILL");
}

for (const [name, count] of failures) {
  process.stdout.write(`failed ${count} of ${times} times: ${name}\n`);
}
process.stdout.write(`${times - failedRuns} of ${times} runs passed.\n`);
if (failedRuns === 0) {
  rmSync(folder, { recursive: true });
}
process.exit(failedRuns === 0 ? 0 : 1);

/** A process that uses one core until it is killed, or until this process is gone. */
function burnOneCore(): ChildProcess {
  const parent = process.pid;
  const program = `
    for (;;) {
      for (const end = Date.now() + 1000; Date.now() < end; ) {}
      if (process.ppid !== ${parent}) process.exit();
    }`;
  return spawn(process.execPath, ["-e", program], { stdio: "ignore" });
}

function outcomesIn(file: string): readonly TestOutcome[] {
  return readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line): TestOutcome => JSON.parse(line))
    .map(({ result, name }) => ({ result, name: relative(ROOT, name) }));
}
