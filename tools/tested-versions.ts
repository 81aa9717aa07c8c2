/** The record of the last run of `npm run test:versions`, and docs/versions.md, which is made from it. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { markdownTable } from "./markdown-table.ts";
import { ROOT } from "./run-tests.ts";

/** A program that users run together with the agent. */
export type TestedProgram = "chrony" | "Prometheus" | "Node.js";

/** One version of one program. */
export type TestedVersion = {
  readonly program: TestedProgram;
  /** For example `4.6.1`; `undefined` when the program was not available. */
  readonly version?: string;
  /** The suite or registry that has it. */
  readonly source: string;
  readonly outcome: "passed" | "failed" | "not tested";
  /** Why it was not tested. */
  readonly reason?: string;
  /** How long its tests took. */
  readonly seconds?: number;
};

/** One run, as in tools/tested-versions.json. */
export type VersionsRun = {
  /** `2026-11-28`. */
  readonly date: string;
  /** The system, for example `Debian GNU/Linux 12 (bookworm), x64`. */
  readonly system: string;
  /** The versions that `npm test` used there. */
  readonly npmTest: Readonly<Record<TestedProgram, string>>;
  readonly versions: readonly TestedVersion[];
};

/** The next Node.js with long-term support after that of package.json. */
export const NEXT_NODE = "26.10.0";

/** The versions of chrony on AKS' Linux nodes. */
const AKS_CHRONY_VERSIONS: readonly string[] = ["4.2", "4.5", "4.8"];

const RECORD = join(ROOT, "tools", "tested-versions.json");
const PAGE = join(ROOT, "docs", "versions.md");

/** The last run that was recorded. */
export async function readVersionsRun(): Promise<VersionsRun> {
  return JSON.parse(await readFile(RECORD, "utf8"));
}

/** Records a run, and writes docs/versions.md from it. */
export async function writeVersionsRun(run: VersionsRun): Promise<void> {
  await writeFile(RECORD, `${JSON.stringify(run, null, 2)}\n`);
  await writeFile(PAGE, versionsPage(run));
}

/** The versions of chrony on AKS' nodes that were tested by constructed replies only. */
export function constructedOnly(run: VersionsRun): readonly string[] {
  const ran = [
    run.npmTest.chrony,
    ...run.versions.flatMap(({ program, version, outcome }) =>
      program === "chrony" && outcome === "passed" && version !== undefined ? [version] : [],
    ),
  ];
  return AKS_CHRONY_VERSIONS.filter(
    (version) => !ran.some((each) => each === version || each.startsWith(`${version}.`)),
  );
}

/** The text of docs/versions.md. */
export function versionsPage(run: VersionsRun): string {
  const { date, system, npmTest, versions } = run;
  return `# Tested versions

\`npm run test:versions -- --write\` made this page on ${date} (${system}); a test compares it with the record of that run.

\`npm test\` used chrony ${npmTest.chrony}, Prometheus ${npmTest.Prometheus} and Node.js ${npmTest["Node.js"]}. \`npm run test:versions\` then ran these versions as real programs:

${versionsTable(versions)}
What was tested of each:

- **chrony**: every report that the agent reads, compared with \`chronyc -c\` of the same version, and every state.
- **Prometheus**: push, the end of a series, out-of-order samples (without a window and with one of 30 minutes), a scrape with Prometheus' own headers, the rules (their histories with Prometheus 3 alone), every query of every dashboard.
- **Node.js**: sockets, TLS, privileges, the bundle, and the whole path from chronyd to PromQL.

## chrony on AKS nodes

AKS nodes run chrony ${sentenceList(AKS_CHRONY_VERSIONS)}. ${coverage(constructedOnly(run))}

Between 4.0 and 4.9 two replies have more than one layout. Tests construct each layout from chrony's \`candm.h\` (\`test/chrony/\`):

${markdownTable([
  ["reply", "4.2", "4.5", "4.8"],
  ["SERVER_STATS", "as 4.3", "as 4.6", "as 4.6"],
  ["NTP_DATA", "as 4.3", "as 4.3", "as 4.6"],
])}
To test another version, set \`CHRONYD\` (with \`chronyc\` beside it) or \`PROMETHEUS\` (with \`promtool\` beside it) to its path and run \`npm test\`.
`;
}

function coverage(constructed: readonly string[]): string {
  return constructed.length === 0
    ? "Each of them ran as a real chronyd."
    : `Only constructed replies cover these versions, because no available Debian suite has them: ${sentenceList(constructed)}.`;
}

function sentenceList(items: readonly string[]): string {
  return items.length < 2 ? items.join("") : `${items.slice(0, -1).join(", ")} and ${items.at(-1)}`;
}

/** The versions as a table in Markdown. */
export function versionsTable(versions: readonly TestedVersion[]): string {
  return markdownTable([
    ["program", "version", "from", "outcome", "time"],
    ...versions.map(({ program, version, source, outcome, reason, seconds }) => [
      program,
      version ?? "",
      source,
      reason === undefined ? outcome : `${outcome}: ${reason}`,
      seconds === undefined ? "" : minutes(seconds),
    ]),
  ]);
}

/** `1 min 05 s`. */
export function minutes(seconds: number): string {
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`;
}
