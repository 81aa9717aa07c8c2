import { duration } from "./numbers.ts";
import type { PlayedStep } from "./play-incident.ts";

/** A summary of an incident that is over. */
export function incidentSummary(played: readonly PlayedStep[]): string[] {
  return [
    "The incident is over. What was done, what was seen, and the PromQL that saw it:",
    ...played.flatMap(({ step, seenAfterSeconds }, index) => [
      `Step ${index + 1}, ${step.title}, seen after ${duration(seenAfterSeconds)}`,
      `  ${step.done}`,
      `  ${step.expected}`,
      ...step.effect.split("\n").map((line) => `    ${line}`),
    ]),
  ];
}
