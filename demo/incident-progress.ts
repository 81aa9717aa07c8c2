import type { Step } from "./incident-steps.ts";

/** The progress of an incident. */
export type IncidentProgress = {
  /** The number of the step, from 1. */
  readonly number: number;
  readonly count: number;
  readonly step: Step;
  /** Time since the step began. */
  readonly elapsedSeconds: number;
  /** The time until PromQL showed the effect; `undefined` before it does. */
  readonly seenAfterSeconds: number | undefined;
  /** After the effect is seen: the time to the next step. */
  readonly nextInSeconds: number;
};
