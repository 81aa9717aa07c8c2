/** The CPU time and memory of a running process, from proc(5). */
import { readdir, readFile } from "node:fs/promises";

/** The CPU time of all threads so far, user and system, in milliseconds (/proc/PID/task/TID/schedstat). */
export async function cpuMs(pid: number): Promise<number> {
  const folder = `/proc/${pid}/task`;
  let nanoseconds = 0;
  for (const thread of await readdir(folder)) {
    const text = await readFile(`${folder}/${thread}/schedstat`, "utf8").catch(() => "0");
    nanoseconds += Number(text.split(" ")[0]);
  }
  return nanoseconds / 1e6;
}

export type Memory = {
  readonly residentMib: number;
  /** Memory that only this process uses and has written to. */
  readonly privateDirtyMib: number;
};

export async function memory(pid: number): Promise<Memory> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, "utf8");
  const mib = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(text)?.[1]) / 1024;
  return { residentMib: mib("Rss"), privateDirtyMib: mib("Private_Dirty") };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low = Number.NaN, high = Number.NaN] = sorted.slice(middle - 1 + (sorted.length % 2));
  return sorted.length % 2 === 1 ? low : (low + high) / 2;
}
