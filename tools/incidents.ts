/**
 * `npm run incidents`: plays all incidents of test/alerts/incidents.ts through the rules, for clusters of
 * several sizes, and writes the table of docs/incidents.md. The three default sizes take an hour, nearly
 * all of it for 400 nodes. `-- 400` plays only that size, and keeps the other columns; `-- 400 PATTERN` plays
 * only the incidents whose names match the regular expression.
 */
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { BEGINS_AT, type Fired, INCIDENTS } from "../test/alerts/incidents.ts";
import { playIncidents } from "../test/alerts/play-incidents.ts";
import { bringPrometheus, progressToStandardError } from "../test/parts/bring.ts";
import { markdownTable } from "./markdown-table.ts";

const SIZES = [3, 40, 400];
const PAGE = fileURLToPath(new URL("../docs/incidents.md", import.meta.url));

const played = (process.argv[2]?.split(",") ?? SIZES).map(Number);
const chosen = new RegExp(process.argv[3] ?? "");
const incidents = INCIDENTS.filter(({ name }) => chosen.test(name));
const { promtool } = await bringPrometheus(progressToStandardError);
const cells = await cellsOfPage();
for (const { name } of incidents) {
  for (const size of played) {
    cells.delete(`${size} ${name}`);
  }
}
for (const size of played) {
  const plays = incidents.map((incident) => ({ incident, count: size }));
  // Small clusters share a workspace, which is faster, as far as promtool holds their samples.
  const atOnce = Math.ceil(400 / size);
  for (let first = 0; first < plays.length; first += atOnce) {
    const together = plays.slice(first, first + atOnce);
    for (const [{ incident }, fired] of await playIncidents(promtool, together)) {
      const cell = cellOf(fired);
      cells.set(`${size} ${incident.name}`, cell);
      process.stderr.write(`${size} nodes: ${incident.name}: ${cell}\n`);
    }
    // After each, so that an interrupted run is not lost.
    await writePage();
  }
}

/** The cells of the page, by size and incident. */
async function cellsOfPage(): Promise<Map<string, string>> {
  const rows = (await readFile(PAGE, "utf8"))
    .split("\n")
    .filter((line) => line.startsWith("| "))
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  const [header = [], , ...incidents] = rows;
  return new Map(
    incidents.flatMap(([name = "", ...fired]) =>
      fired.map((cell, index) => [`${Number.parseInt(header[index + 1] ?? "", 10)} ${name}`, cell]),
    ),
  );
}

async function writePage(): Promise<void> {
  const header = ["incident", ...SIZES.map((size) => `${size} nodes`)];
  const rows = INCIDENTS.map(({ name }) => [
    name,
    ...SIZES.map((size) => cells.get(`${size} ${name}`) ?? "not played"),
  ]);
  await writeFile(
    PAGE,
    `# Which incident fires what

\`npm run incidents\` made this table. promtool plays histories of whole clusters (\`test/alerts/incidents.ts\`) through the shipped rules, with one sample a minute. Each cell has:

- the alerts that fire, and their severity
- the minute after the start of the incident in which the first fires
- how many fire at once. Azure groups nothing, so it sends that many e-mails, and again as many when they end. "2 times" means that they end and fire again. It sends an address [at most 100 e-mails an hour](https://learn.microsoft.com/azure/azure-monitor/alerts/action-groups)

kube-state-metrics is collected, if the incident does not say otherwise. Without it, a cluster that was stopped or shrank looks like one whose collector is away. A cell "not played" was not run at that size (\`npm run incidents -- 400\` does it).

${markdownTable([header, ...rows])}`,
  );
}

function cellOf(fired: readonly Fired[]): string {
  if (fired.length === 0) {
    return "nothing";
  }
  return fired
    .map(
      ({ alert, severity, most, firstMinute, times }) =>
        `\`${alert}\` (${severity}, after ${firstMinute - BEGINS_AT} min): ${most}${times === 1 ? "" : `, ${times} times`}`,
    )
    .join("<br>");
}
