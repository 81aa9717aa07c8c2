/**
 * `npm run test:faults`: breaks the real parts in every way that docs/reliability.md covers, and prints
 * what was promised and what was measured as a table.
 * `npm run test:faults -- FILE …` runs only these files. It accepts options of `node --test`.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AttackReport, FaultReport } from "../test/faults/fault-path.ts";
import { bringPrograms, progressToStandardError } from "../test/parts/bring.ts";
import { markdownTable } from "./markdown-table.ts";
import { reportMissingPart } from "./report-missing-part.ts";
import { namesFiles, runTests } from "./run-tests.ts";

/** A scenario takes longest when it fails, because it waits for all missing samples. */
const TEST_TIMEOUT_MS = 600_000;

await reportMissingPart(() => bringPrograms(progressToStandardError));

const folder = mkdtempSync(join(tmpdir(), "ct-faults-"));
const reportFile = join(folder, "report.jsonl");
const args = process.argv.slice(2);
const { status } = runTests({
  args: namesFiles(args) ? args : [...args, "test/faults/*.faults.ts"],
  timeoutMs: TEST_TIMEOUT_MS,
  filesAtOnce: 2,
  environment: { FAULTS_REPORT: reportFile },
});
const reports = reportsIn(reportFile);
const attacks = reports.filter((report) => "attack" in report);
process.stdout.write(`\n${faultTable(reports.filter((report) => "fault" in report))}`);
if (attacks.length > 0) {
  process.stdout.write(`\n${attackTable(attacks)}`);
}
rmSync(folder, { recursive: true });
process.exit(status ?? 1);

function reportsIn(file: string): (FaultReport | AttackReport)[] {
  try {
    return readFileSync(file, "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line): FaultReport | AttackReport => JSON.parse(line));
  } catch {
    // No scenario got as far as its report.
    return [];
  }
}

function faultTable(reports: readonly FaultReport[]): string {
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
  return markdownTable([head, ...rows]);
}

function attackTable(reports: readonly AttackReport[]): string {
  const head = [
    "attack on the collector",
    "MiB before",
    "MiB at most",
    "restarts",
    "answers to other nodes meanwhile",
    "points dropped",
    "well again after",
  ];
  const rows = reports.map((report) => [
    report.attack,
    String(report.restMib),
    String(report.peakMib),
    String(report.restarts),
    pairs(report.answers),
    pairs(report.dropped),
    `${report.wellAgainSeconds.toFixed(0)} s`,
  ]);
  return markdownTable([head, ...rows]);
}

function pairs(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([name, count]) => `${name}: ${count}`)
    .join(", ");
}
