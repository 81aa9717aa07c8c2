import { bringChronyd } from "./bring-chronyd.ts";
import { bringCollector } from "./bring-collector.ts";
import { bringPrometheus } from "./bring-prometheus.ts";
import type { Progress } from "./progress.ts";

/** The paths of the programs of others. */
export type Programs = {
  readonly chronyd: string;
  readonly chronyc: string;
  readonly prometheus: string;
  readonly promtool: string;
  readonly collector: string;
};

/**
 * Finds, downloads or builds all of them.
 *
 * @throws {MissingPart} when one is not available
 */
export async function bringPrograms(progress: Progress): Promise<Programs> {
  return {
    ...(await bringChronyd(progress)),
    ...(await bringPrometheus(progress)),
    collector: await bringCollector(progress),
  };
}
