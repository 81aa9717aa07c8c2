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
import type { AttackReport, FaultReport } from "../test/faults/fault-path.ts";
import { bringPrograms, progressToStandardError } from "../test/parts/bring.ts";
import { markdownTable } from "./markdown-table.ts";
import { orSayWhatIsMissing } from "./or-say-what-is-missing.ts";

/** A scenario waits longest when it fails: for all that is missing. */
const LONGEST_TEST_MS = 600_000;

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
    // No scenario came as far as its report.
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
