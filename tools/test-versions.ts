/**
 * `npm run test:versions`: runs the tests of `npm test` that use a real program with other versions of it:
 * chronyd and Prometheus of the other suites of this machine's distribution, and the next Node.js. A version
 * that is not available is a row `not tested`, not a failure. `-- --write` records the run and writes
 * docs/versions.md.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { failure, type Result, success } from "../src/result.ts";
import { bringPrograms, progressToStandardError } from "../test/parts/bring.ts";
import { bringNode } from "../test/parts/bring-node.ts";
import { isExecutable } from "../test/parts/executable.ts";
import { runToEnd } from "../test/parts/run-to-end.ts";
import { otherSuites, programsOfSuite } from "../test/parts/suite-package.ts";
import { reportMissingPart } from "./report-missing-part.ts";
import { runTests } from "./run-tests.ts";
import {
  minutes,
  NEXT_NODE,
  type TestedVersion,
  type VersionsRun,
  versionsTable,
  writeVersionsRun,
} from "./tested-versions.ts";

const VERSION_MS = 60_000;

/** Every report against `chronyc -c` of the same version, and every state. */
const CHRONYD_TESTS = [
  "test/chrony/reports-of-chronyd.test.ts",
  "test/agent/reading.test.ts",
  "test/agent/sources.test.ts",
  "test/agent/states.test.ts",
  "test/agent/stepped.test.ts",
];

/** Push, the end of a series, out-of-order samples, scrapes, the rules, every dashboard's queries, the report. */
const PROMETHEUS_TESTS = [
  "test/agent/outage.test.ts",
  "test/alerts/real-path.test.ts",
  "test/agent/whole-path.test.ts",
  "test/agent/pull.test.ts",
  "test/agent/scrape-configurations.test.ts",
  "test/grafana/queries.test.ts",
  "test/otel-collector/foreign-receivers.test.ts",
  "test/otel-collector/repetition.test.ts",
  "test/otel-collector/series.test.ts",
  "test/report/backend.test.ts",
  "test/report/month.test.ts",
];

/** The histories of the rules take a minute of CPU, so they run only with the version that most users have. */
const PROMETHEUS_3_TESTS = ["test/alerts/alerts.test.ts", ...PROMETHEUS_TESTS];

/** The first version with an out-of-order window. */
const OLDEST_PROMETHEUS = { major: 2, minor: 39 };

/** Sockets, TLS, privileges, the bundle, and the whole path. */
const NODE_TESTS = [
  "test/agent/whole-path.test.ts",
  "test/agent/privileges.test.ts",
  "test/agent/process.test.ts",
  "test/agent/reading.test.ts",
  "test/chrony/client.test.ts",
  "test/otel-collector/tls.test.ts",
  "test/serve/http-server.test.ts",
];

/** A program of a suite, with its path or the reason why it is not available. */
type Candidate = Pick<TestedVersion, "program" | "source"> & {
  readonly path: Result<string, string>;
};

const { values } = parseArgs({ options: { write: { type: "boolean", default: false } } });
const beganMs = performance.now();
const own = await reportMissingPart(() => bringPrograms(progressToStandardError));
const [suites, nextNode] = await Promise.all([
  Promise.all(
    (await otherSuites()).map(async (suite) => ({
      suite,
      folder: await orReason(programsOfSuite(suite, progressToStandardError)),
    })),
  ),
  orReason(bringNode(NEXT_NODE, progressToStandardError)),
]);

const rows: TestedVersion[] = [];
for (const { suite, folder } of suites) {
  add(await chronyRow({ program: "chrony", source: suite, path: programOf(folder, "chronyd") }));
}
for (const { suite, folder } of suites) {
  const path = programOf(folder, "prometheus");
  add(await prometheusRow({ program: "Prometheus", source: suite, path }));
}
if (!rows.some(({ program, version }) => program === "Prometheus" && version?.startsWith("3."))) {
  const reason = "no suite that is available here has it";
  add({ program: "Prometheus", version: "3", source: "none", outcome: "not tested", reason });
}
add(nodeRow(nextNode));

process.stdout.write(`\n${versionsTable(rows)}in all ${minutes(secondsSince(beganMs))}\n`);
if (values.write) {
  const run: VersionsRun = {
    date: new Date().toISOString().slice(0, 10),
    system: await systemName(),
    npmTest: {
      chrony: await versionOf(own.chronyd),
      Prometheus: await versionOf(own.prometheus),
      "Node.js": process.versions.node,
    },
    versions: rows,
  };
  await writeVersionsRun(run);
}
process.exit(rows.some(({ outcome }) => outcome === "failed") ? 1 : 0);

function add(row: TestedVersion): void {
  rows.push(row);
  const { program, version = "", source, outcome, reason, seconds } = row;
  const details = [reason, seconds === undefined ? undefined : `after ${minutes(seconds)}`].filter(
    (detail) => detail !== undefined,
  );
  process.stdout.write(`${program} ${version} (${source}): ${[outcome, ...details].join(", ")}\n`);
}

async function chronyRow({ path, ...row }: Candidate): Promise<TestedVersion> {
  if (!path.ok) {
    return notTested(row, path.error);
  }
  const version = await versionOf(path.value);
  return { ...row, version, ...test(process.execPath, CHRONYD_TESTS, { CHRONYD: path.value }) };
}

async function prometheusRow({ path, ...row }: Candidate): Promise<TestedVersion> {
  if (!path.ok) {
    return notTested(row, path.error);
  }
  const version = await versionOf(path.value);
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const oldest = OLDEST_PROMETHEUS;
  if (major < oldest.major || (major === oldest.major && minor < oldest.minor)) {
    const reason = `older than ${oldest.major}.${oldest.minor}, the first with an out-of-order window`;
    return { ...notTested(row, reason), version };
  }
  const files = major === 3 ? PROMETHEUS_3_TESTS : PROMETHEUS_TESTS;
  return { ...row, version, ...test(process.execPath, files, { PROMETHEUS: path.value }) };
}

function nodeRow(node: Result<string, string>): TestedVersion {
  const row = { program: "Node.js", version: NEXT_NODE, source: "npm" } as const;
  return node.ok ? { ...row, ...test(node.value, NODE_TESTS, {}) } : notTested(row, node.error);
}

function notTested(row: Omit<TestedVersion, "outcome">, reason: string): TestedVersion {
  return { ...row, outcome: "not tested", reason };
}

/** Runs tests. Their output is printed if one fails. */
function test(
  node: string,
  files: readonly string[],
  environment: Readonly<Record<string, string>>,
): Pick<TestedVersion, "outcome" | "seconds"> {
  const startedMs = performance.now();
  const { status, stdout, stderr, error } = runTests({
    args: files,
    node,
    environment,
    keepsOutput: true,
  });
  if (status !== 0) {
    process.stderr.write(`${stdout}${stderr}${error?.message ?? ""}\n`);
  }
  return { outcome: status === 0 ? "passed" : "failed", seconds: secondsSince(startedMs) };
}

/** The path of a program in the folder of a suite. */
function programOf(folder: Result<string, string>, name: string): Result<string, string> {
  if (!folder.ok) {
    return folder;
  }
  const path = join(folder.value, name);
  return isExecutable(path) ? success(path) : failure("not in this suite");
}

async function orReason(work: Promise<string>): Promise<Result<string, string>> {
  try {
    return success(await work);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(`${message}\n`);
    return failure(message.split("\n")[0]?.trim() ?? "");
  }
}

/** The version in the output of `--version`: `4.6.1`. */
async function versionOf(program: string): Promise<string> {
  const text = await runToEnd({
    name: `${program} --version`,
    command: program,
    args: ["--version"],
    timeoutMs: VERSION_MS,
  });
  return /\d+\.\d+(?:\.\d+)?/.exec(text)?.[0] ?? text;
}

async function systemName(): Promise<string> {
  const release = await readFile("/etc/os-release", "utf8").catch(() => "");
  const name = /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(release)?.[1] ?? process.platform;
  return `${name}, ${process.arch}`;
}

function secondsSince(beganMs: number): number {
  return Math.round((performance.now() - beganMs) / 1000);
}
