/**
 * `npm run soak -- --minutes 60`: hours of operation compressed, and a line for each look at what the
 * agent holds. What has to hold of it is asserted by test/faults/soak.faults.ts.
 */
import { parseArgs } from "node:util";
import { soak, type TypicalHoldings } from "../test/faults/soak.ts";
import { orSayWhatIsMissing } from "./or-say-what-is-missing.ts";

const EVERY_NTH_LOOK = 5;

const { values } = parseArgs({ options: { minutes: { type: "string", default: "10" } } });
const minutes = Number(values.minutes);
if (!(minutes > 0)) {
  process.stderr.write(`--minutes is ${values.minutes}: expected a number above 0.\n`);
  process.exit(2);
}

process.stdout.write(
  "seconds  pushes  resident MiB  heap MiB  descriptors  socket files  resources\n",
);
let looks = 0;
const report = await orSayWhatIsMissing(() =>
  soak({
    minutes,
    onLook(look) {
      looks += 1;
      if (looks % EVERY_NTH_LOOK === 0) {
        process.stdout.write(`${look.seconds}  ${look.pushes}  ${figures(look)}\n`);
      }
    },
  }),
);
process.stdout.write(`${report.pushes} pushes were accepted, between ${report.outages} outages.\n`);
process.stdout.write(`second quarter:  ${figures(report.early)}\n`);
process.stdout.write(`last quarter:    ${figures(report.late)}\n`);

function figures(held: TypicalHoldings): string {
  const { residentMib, heapMib, fileDescriptors, socketFiles, resources } = held;
  return `${residentMib.toFixed(1)}  ${heapMib.toFixed(1)}  ${fileDescriptors}  ${socketFiles}  ${resources}`;
}
