/** The CPU that processes use in a time or for some work. */
import { setTimeout as delay } from "node:timers/promises";
import { cpuMs, median } from "./process-figures.ts";

/** How often a measurement is repeated. Its median counts. */
export const RUNS = 3;

/** The CPU time of each process, in milliseconds per second: the median of several windows. `work` runs once in each. */
export async function medianCpuUse(
  windowMs: number,
  pids: readonly number[],
  work: () => Promise<unknown>,
): Promise<number[]> {
  const runs: number[][] = [];
  for (let run = 0; run < RUNS; run += 1) {
    const [use] = await Promise.all([cpuUse(windowMs, pids), work()]);
    runs.push(use);
  }
  return pids.map((_, index) => median(runs.map((use) => use[index] ?? Number.NaN)));
}

/** The CPU time of each process in one window, in milliseconds per second. */
export async function cpuUse(windowMs: number, pids: readonly number[]): Promise<number[]> {
  const beganMs = performance.now();
  const before = await Promise.all(pids.map(cpuMs));
  await delay(windowMs);
  const after = await Promise.all(pids.map(cpuMs));
  const seconds = (performance.now() - beganMs) / 1000;
  return after.map((value, index) => (value - (before[index] ?? Number.NaN)) / seconds);
}

/** The CPU time that a process uses during some work, in milliseconds. */
export async function cpuFor(pid: number, work: () => Promise<unknown>): Promise<number> {
  const before = await cpuMs(pid);
  await work();
  return (await cpuMs(pid)) - before;
}
