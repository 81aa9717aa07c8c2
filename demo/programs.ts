import {
  bringChronyd,
  bringCollector,
  bringPrometheus,
  type Progress,
} from "../test/parts/bring.ts";

/** The paths of the programs that others made. */
export type Programs = {
  readonly chronyd: string;
  readonly chronyc: string;
  readonly prometheus: string;
  readonly collector: string;
};

/**
 * Finds, downloads or builds the programs.
 * @throws MissingPart when one cannot be had
 */
export async function bringPrograms(tell: Progress): Promise<Programs> {
  return {
    ...(await bringChronyd(tell)),
    prometheus: (await bringPrometheus(tell)).prometheus,
    collector: await bringCollector(tell),
  };
}
