#!/usr/bin/env node
/** The report, a program of its own: the agent does not carry it. docs/report.md has its use. */
import { type FileHandle, open, unlink } from "node:fs/promises";
import { EXIT } from "../exit-codes.ts";
import { describeOutputError, print } from "../standard-output.ts";
import { VERSION } from "../version.ts";
import { describeBackendError } from "./backend.ts";
import { exceedancesCsv, nodesCsv } from "./csv-view.ts";
import { htmlView, share } from "./html-view.ts";
import { jsonView } from "./json-view.ts";
import { makeReport } from "./make-report.ts";
import { parseReportOptions, REPORT_HELP, type ReportOptions } from "./options.ts";
import { progressBar } from "./progress-bar.ts";
import type { Report } from "./report.ts";

/** What each file's name ends with, and what is in it. */
const VIEWS: readonly (readonly [suffix: string, view: (report: Report) => string])[] = [
  [".html", htmlView],
  [".json", jsonView],
  ["-nodes.csv", nodesCsv],
  ["-exceedances.csv", exceedancesCsv],
];

void run(process.argv.slice(2));

async function run(args: readonly string[]): Promise<void> {
  process.exitCode = await main(args);
}

async function main(args: readonly string[]): Promise<number> {
  const command = parseReportOptions(args, Date.now());
  if (!command.ok) {
    return fail(command.error, EXIT.misused);
  }
  if (command.value.kind !== "report") {
    return await printed(command.value.kind === "help" ? REPORT_HELP : `${VERSION}\n`);
  }
  return await writeReport(command.value);
}

async function writeReport(options: ReportOptions): Promise<number> {
  const files = new Map<string, FileHandle>();
  let isWritten = false;
  try {
    // Before anything is asked: a report of a year is not to end at a file that exists.
    const suffixes = VIEWS.map(([suffix]) => suffix);
    for (const suffix of options.writesSamples ? [...suffixes, ".samples"] : suffixes) {
      files.set(suffix, await open(options.output + suffix, "wx"));
    }
    const bar = progressBar(process.stderr, process.env);
    const report = await makeReport(
      options,
      Date.now(),
      async (text) => {
        await files.get(".samples")?.writeFile(text);
      },
      (what, done) => bar.show(what, done),
    );
    bar.end();
    if (!report.ok) {
      return fail([describeBackendError(report.error)], EXIT.failed);
    }
    for (const [suffix, view] of VIEWS) {
      await files.get(suffix)?.writeFile(view(report.value));
    }
    isWritten = true;
    return await printed(summary(report.value, options.output, [...files.keys()]));
  } catch (error) {
    return fail([fileProblem(error as NodeJS.ErrnoException)], EXIT.failed);
  } finally {
    for (const [suffix, file] of files) {
      await file.close();
      if (!isWritten) {
        await unlink(options.output + suffix);
      }
    }
  }
}

function fileProblem({ code, path, message }: NodeJS.ErrnoException): string {
  return code === "EEXIST"
    ? `${path} exists already, and a report overwrites nothing: name another with --output.`
    : `A file of the report cannot be written: ${message}. Name another place with --output.`;
}

function summary({ fleet, data }: Report, output: string, suffixes: readonly string[]): string {
  const missing = [...data.lacks, ...data.warnings];
  return [
    `Nodes: ${fleet.nodes}. Within the limit: ${share(fleet.withinMs, fleet.totalMs)} of the time.`,
    ...missing,
    `SHA-256 of the samples: ${data.sha256}`,
    ...suffixes.map((suffix) => output + suffix),
    "",
  ].join("\n");
}

async function printed(text: string): Promise<number> {
  const written = await print(text);
  if (!written.ok && written.error.kind === "not written") {
    return fail([describeOutputError(written.error)], EXIT.failed);
  }
  return EXIT.ok;
}

function fail(problems: readonly string[], code: number): number {
  process.stderr.write(problems.map((problem) => `${problem}\n`).join(""));
  return code;
}
