/**
 * `npm run fuzz -- --minutes 60`: gives mutated replies of chronyd to the decoders, until the time is over or a
 * reply has an unexpected outcome. It prints that reply in hexadecimal digits, and the seed.
 * `npm run fuzz -- --seed SEED` repeats a run.
 */
import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { fuzzReplies } from "../test/chrony/reply-fuzz.ts";

const REPLIES_EACH = 1_000_000;

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    seed: { type: "string", default: String(randomInt(2 ** 31)) },
  },
});
const minutes = Number(values.minutes);
const firstSeed = Number(values.seed);
if (!(minutes > 0)) {
  usageError(`--minutes is ${values.minutes}: expected a number above 0.`);
}
if (!Number.isSafeInteger(firstSeed) || firstSeed < 0) {
  usageError(`--seed is ${values.seed}: expected a whole number from 0.`);
}

const endMs = performance.now() + minutes * 60_000;
const totals = new Map<string, Map<string, number>>();
let seed = firstSeed;
try {
  do {
    for (const [report, counts] of fuzzReplies(seed, REPLIES_EACH)) {
      const total = totals.get(report) ?? new Map<string, number>();
      totals.set(report, total);
      for (const [outcome, count] of counts) {
        total.set(outcome, (total.get(outcome) ?? 0) + count);
      }
    }
    seed += 1;
    process.stdout.write(
      `${seed - firstSeed} million replies, seeds ${firstSeed} to ${seed - 1}\n`,
    );
  } while (performance.now() < endMs);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.stderr.write(`To repeat: npm run fuzz -- --seed ${seed}\n`);
  process.exitCode = 1;
}
for (const [report, counts] of totals) {
  const words = [...counts].map(([outcome, count]) => `${outcome} ${count}`);
  process.stdout.write(`${report}: ${words.toSorted().join(", ")}\n`);
}

function usageError(sentence: string): never {
  process.stderr.write(`${sentence}\n`);
  process.exit(2);
}
