/**
 * `npm run soak -- --minutes 60`: runs the agent at 300 times the usual rate, and prints what it holds (memory,
 * descriptors, sockets) and how fast each amount grows. test/faults/soak.faults.ts asserts the limits.
 */
import { parseArgs } from "node:util";
import { type HeldAmounts, soak } from "../test/faults/soak.ts";
import { markdownRow } from "./markdown-table.ts";
import { reportMissingPart } from "./report-missing-part.ts";

const EVERY_NTH_LOOK = 5;

const { values } = parseArgs({ options: { minutes: { type: "string", default: "30" } } });
const minutes = Number(values.minutes);
if (!(minutes > 0)) {
  process.stderr.write(`--minutes is ${values.minutes}: expected a number above 0.\n`);
  process.exit(2);
}

const COLUMNS = {
  residentMib: "resident MiB",
  heapMib: "heap MiB",
  fileDescriptors: "descriptors",
  sockets: "sockets",
  socketFiles: "socket files",
  resources: "resources",
} as const satisfies Readonly<Record<keyof HeldAmounts, string>>;

process.stdout.write(`seconds  pushes  ${Object.values(COLUMNS).join("  ")}\n`);
let looks = 0;
const report = await reportMissingPart(() =>
  soak({
    minutes,
    onLook(look) {
      looks += 1;
      if (looks % EVERY_NTH_LOOK === 0) {
        const { residentMib, heapMib, fileDescriptors, sockets, socketFiles, resources } = look;
        process.stdout.write(
          `${look.seconds}  ${look.pushes}  ${residentMib.toFixed(1)}  ${heapMib.toFixed(1)}  ${fileDescriptors}  ${sockets}  ${socketFiles}  ${resources}\n`,
        );
      }
    },
  }),
);
process.stdout.write(
  `\n${report.pushes} pushes were accepted, between ${report.outages} outages.\n\n` +
    "| resource | second quarter | last quarter | rise per hour |\n| --- | --- | --- | --- |\n",
);
for (const [kind, name] of Object.entries(COLUMNS) as [keyof HeldAmounts, string][]) {
  const cells = [report.early, report.late, report.risePerHour].map((held) =>
    held[kind].toFixed(1),
  );
  process.stdout.write(markdownRow([name, ...cells]));
}
