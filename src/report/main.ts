#!/usr/bin/env node
/** `chrony-tracker-report`: a program of its own, which is not part of the agent (docs/report.md). */
import { EXIT } from "../exit-codes.ts";
import { describeOutputError, print } from "../standard-output.ts";
import { VERSION } from "../version.ts";
import { describeBackendError } from "./backend-error.ts";
import { exceedancesCsv, nodesCsv } from "./csv-view.ts";
import { htmlView, share } from "./html-view.ts";
import { jsonView } from "./json-view.ts";
import { makeReport } from "./make-report.ts";
import { parseReportOptions, REPORT_HELP, type ReportOptions } from "./options.ts";
import { makeOutputFiles, type OutputFiles } from "./output-files.ts";
import { progressBar } from "./progress-bar.ts";
import type { Report } from "./report.ts";

/** The files of a report: the end of the name, and the content. */
const VIEWS: readonly (readonly [suffix: string, view: (report: Report) => string])[] = [
  [".html", htmlView],
  [".json", jsonView],
  ["-nodes.csv", nodesCsv],
  ["-exceedances.csv", exceedancesCsv],
];

// No top-level await, because the bundle is CommonJS.
void run(process.argv.slice(2));

async function run(args: readonly string[]): Promise<void> {
  process.exitCode = await main(args);
}

async function main(args: readonly string[]): Promise<number> {
  const command = parseReportOptions(args, Date.now());
  if (!command.ok) {
    return fail(command.error, EXIT.usageError);
  }
  if (command.value.kind !== "report") {
    return await printed(command.value.kind === "help" ? REPORT_HELP : `${VERSION}\n`);
  }
  return await writeReport(command.value);
}

async function writeReport(options: ReportOptions): Promise<number> {
  const samplesPath = `${options.output}.samples`;
  const views = VIEWS.map(([suffix, view]) => ({ path: options.output + suffix, view }));
  const paths = [...views.map(({ path }) => path), ...(options.writesSamples ? [samplesPath] : [])];
  let files: OutputFiles;
  try {
    // Before the first query, because a long report must not fail at its end when a file exists.
    files = await makeOutputFiles(paths);
  } catch (error) {
    return fail([fileProblem(error as NodeJS.ErrnoException)], EXIT.failed);
  }
  let isComplete = false;
  try {
    const bar = progressBar(process.stderr, process.env);
    const report = await makeReport(
      options,
      Date.now(),
      (text) => files.write(samplesPath, text),
      (what, done) => bar.show(what, done),
    );
    bar.end();
    if (!report.ok) {
      return fail([describeBackendError(report.error)], EXIT.failed);
    }
    for (const { path, view } of views) {
      await files.write(path, view(report.value));
    }
    isComplete = true;
    return await printed(summary(report.value, paths));
  } catch (error) {
    return fail([fileProblem(error as NodeJS.ErrnoException)], EXIT.failed);
  } finally {
    await files.end(isComplete);
  }
}

function fileProblem({ code, path, message }: NodeJS.ErrnoException): string {
  return code === "EEXIST"
    ? `${path} exists already, and a report overwrites nothing: name another with --output.`
    : `A file of the report cannot be written: ${message}. Name another place with --output.`;
}

function summary({ fleet, data }: Report, paths: readonly string[]): string {
  const missing = [...data.lacks, ...data.warnings];
  return [
    `Nodes: ${fleet.nodes}. Within the limit: ${share(fleet.withinMs, fleet.totalMs)} of the time.`,
    ...missing,
    `SHA-256 of the samples: ${data.sha256}`,
    ...paths,
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
