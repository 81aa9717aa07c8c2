/**
 * `npm run bench`: measures what the agent costs, each figure beside a reference of the same run, and prints
 * a table. `--write` writes the table to docs/footprint.md. It takes 8 minutes.
 */
import { readFile, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { bringChronyd } from "../test/parts/bring-chronyd.ts";
import { Scope } from "../test/parts/owner.ts";
import { progressToStandardError } from "../test/parts/progress.ts";
import { scratchFolder } from "../test/parts/scratch-folder.ts";
import { measureBacklog } from "./bench/backlog.ts";
import type { Bench } from "./bench/bench.ts";
import { bundleInto } from "./bench/bundled-agent.ts";
import { measureDefaults } from "./bench/defaults.ts";
import { measurePolls } from "./bench/polls.ts";
import { measureRequests } from "./bench/requests.ts";
import { type Row, tableOf } from "./bench/row.ts";
import { measureStarts } from "./bench/starts.ts";
import { reportMissingPart } from "./report-missing-part.ts";

const PAGE = fileURLToPath(new URL("../docs/footprint.md", import.meta.url));
const SHORTEST_WINDOW_SECONDS = 1;

const { values } = parseArgs({
  options: {
    write: { type: "boolean", default: false },
    window: { type: "string", default: "30" },
  },
});
const windowSeconds = Number(values.window);
if (!(windowSeconds >= SHORTEST_WINDOW_SECONDS)) {
  process.stderr.write(`--window is ${values.window}: expected seconds, 1 or more.\n`);
  process.exit(2);
}

const MACHINE = `${cpus()[0]?.model ?? "an unknown CPU"}, ${cpus().length} cores, Node.js ${process.version}, ${process.platform} ${process.arch}`;
const rows = await reportMissingPart(async () => {
  await bringChronyd(progressToStandardError);
  const folder = await scratchFolder("ct");
  return await measureAll({
    bundle: await bundleInto(folder.path),
    windowMs: windowSeconds * 1000,
    report: (line) => process.stderr.write(`${line}\n`),
  });
});
const TEXT = `Made by \`npm run bench\` on ${MACHINE}. CPU is user and system time of the whole process. Agent and bare Node.js run with the image's flags, the agent as its bundle.

${tableOf(rows)}`;
process.stdout.write(TEXT);
if (values.write) {
  const page = await readFile(PAGE, "utf8");
  const rest = page.slice(page.indexOf("\n## "));
  await writeFile(PAGE, `# What the agent costs\n\n${TEXT}${rest}`);
}

/** Measures everything, one figure after another. */
async function measureAll(bench: Bench): Promise<readonly Row[]> {
  const measured: Row[] = [];
  for (const measure of [
    measureDefaults,
    measurePolls,
    measureRequests,
    measureStarts,
    measureBacklog,
  ]) {
    const scope = new Scope();
    try {
      measured.push(...(await measure(bench, scope)));
    } finally {
      await scope.end();
    }
  }
  return measured;
}
