/**
 * `npm run test:faults`: breaks the real parts in every way that is promised to be survived, and
 * prints what was promised and what was measured as a table.
 * `npm run test:faults -- FILE …` runs these files only; options of `node --test` may stand there, too.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { FaultReport } from "../test/faults/fault-path.ts";
import { bringPrograms, progressToStandardError } from "../test/parts/bring.ts";
import { orSayWhatIsMissing } from "./or-say-what-is-missing.ts";

/** A scenario waits longest when it fails: for all that is missing. */
const LONGEST_TEST_MS = 300_000;

/** Files at once. A scenario mostly waits, so two cores carry more than two. */
const FILES_AT_ONCE = 2;

const ROOT = fileURLToPath(new URL("..", import.meta.url));

await orSayWhatIsMissing(() => bringPrograms(progressToStandardError));

const folder = mkdtempSync(join(tmpdir(), "ct-faults-"));
const reportFile = join(folder, "report.jsonl");
const words = process.argv.slice(2);
const { status } = spawnSync(
  process.execPath,
  [
    "--test",
    "--test-reporter=spec",
    `--test-concurrency=${FILES_AT_ONCE}`,
    `--test-timeout=${LONGEST_TEST_MS}`,
    ...words,
    ...(words.every((word) => word.startsWith("-")) ? ["test/faults/*.faults.ts"] : []),
  ],
  { cwd: ROOT, stdio: "inherit", env: { ...process.env, FAULTS_REPORT: reportFile } },
);
process.stdout.write(`\n${tableOf(reportsIn(reportFile))}`);
rmSync(folder, { recursive: true });
process.exit(status ?? 1);

function reportsIn(file: string): FaultReport[] {
  try {
    return readFileSync(file, "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line): FaultReport => JSON.parse(line));
  } catch {
    // No scenario came as far as its report.
    return [];
  }
}

function tableOf(reports: readonly FaultReport[]): string {
  const head = [
    "fault",
    "promise",
    "collections",
    "samples",
    "missing",
    "lost as promised",
    "false",
  ];
  const rows = reports.map((report) => [
    report.fault,
    report.promise,
    String(report.collections),
    String(report.samples),
    String(report.missing),
    String(report.lost),
    String(report.falsehoods),
  ]);
  const lines = [head, head.map(() => "---"), ...rows];
  return `${lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n")}\n`;
}
