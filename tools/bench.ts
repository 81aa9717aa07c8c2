/**
 * `npm run bench`: what the agent costs, each figure beside a reference that is measured in the same
 * run. `--json` prints it as JSON, `--write` puts the table into
 * docs/footprint.md. It takes minutes.
 */
import { readFile, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { bringChronyd } from "../test/parts/bring-chronyd.ts";
import { progressToStandardError } from "../test/parts/progress.ts";
import { scratchFolder } from "../test/parts/scratch-folder.ts";
import { bundleInto } from "./bench/bundled-agent.ts";
import { isWithinBudget, type Row, ratioOf, tableOf } from "./bench/row.ts";
import { measureAll } from "./bench/rows.ts";
import { orSayWhatIsMissing } from "./or-say-what-is-missing.ts";

const PAGE = fileURLToPath(new URL("../docs/footprint.md", import.meta.url));
const SHORTEST_WINDOW_SECONDS = 1;

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
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
const rows = await orSayWhatIsMissing(async () => {
  await bringChronyd(progressToStandardError);
  const folder = await scratchFolder("ct");
  return measureAll({
    bundle: await bundleInto(folder.path),
    windowMs: windowSeconds * 1000,
    tell: (line) => process.stderr.write(`${line}\n`),
  });
});
process.stdout.write(values.json ? `${JSON.stringify(asJson(rows), undefined, 2)}\n` : text(rows));
if (values.write) {
  const page = await readFile(PAGE, "utf8");
  const rest = page.slice(page.indexOf("\n## "));
  await writeFile(PAGE, `# What the agent costs\n\n${text(rows)}${rest}`);
}

function text(measured: readonly Row[]): string {
  return `Made by \`npm run bench\` on ${MACHINE}. CPU is user and system time of the whole process. Agent and bare Node.js run with the image's flags, the agent as its bundle.

${tableOf(measured)}`;
}

function asJson(measured: readonly Row[]) {
  return {
    machine: MACHINE,
    rows: measured.map((row) => ({
      ...row,
      ratio: ratioOf(row) ?? null,
      met: isWithinBudget(row) ?? null,
    })),
  };
}
