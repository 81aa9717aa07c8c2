/**
 * `npm run incidents`: plays every incident of test/alerts/incidents.ts through the rules, for clusters
 * of several sizes, and writes the table of docs/incidents.md. `-- 3,40` names the sizes. It takes minutes.
 */
import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { BEGINS_AT, type Fired, INCIDENTS } from "../test/alerts/incidents.ts";
import { playIncident } from "../test/alerts/play-incident.ts";
import { bringPrometheus, progressToStandardError } from "../test/parts/bring.ts";

const sizes = (process.argv[2] ?? "3,40").split(",").map(Number);
const PAGE = fileURLToPath(new URL("../docs/incidents.md", import.meta.url));
const { promtool } = await bringPrometheus(progressToStandardError);

const rows: string[][] = [];
for (const incident of INCIDENTS) {
  const cells: string[] = [];
  for (const size of sizes) {
    cells.push(cellOf(await playIncident(promtool, incident, size)));
    process.stderr.write(`${size} nodes: ${incident.name}: ${cells.at(-1)}\n`);
  }
  rows.push([incident.name, ...cells]);
}
const header = ["incident", ...sizes.map((size) => `${size} nodes`)];
const table = [header, header.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`);
await writeFile(
  PAGE,
  `# Which incident fires what

Made by \`npm run incidents\`: histories of whole clusters (\`test/alerts/incidents.ts\`), played by promtool through the shipped rules, one sample a minute. Each cell has the alerts that fire, their severity, the minute after the incident's beginning in which the first fires, and how many fire at once: so many mails Azure sends, which groups nothing, and as many again when they end. An action group sends an address [at most 100 mails an hour](https://learn.microsoft.com/azure/azure-monitor/alerts/action-groups). kube-state-metrics is collected in all of them.

${table.join("\n")}
`,
);

function cellOf(fired: readonly Fired[]): string {
  if (fired.length === 0) {
    return "nothing";
  }
  return fired
    .map(
      ({ alert, severity, most, firstMinute }) =>
        `\`${alert}\` (${severity}, after ${firstMinute - BEGINS_AT} min): ${most}`,
    )
    .join("<br>");
}
