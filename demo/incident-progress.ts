import type { Step } from "./incident-steps.ts";

/** How far an incident is. */
export type IncidentProgress = {
  /** Which step it is, from 1. */
  readonly number: number;
  readonly count: number;
  readonly step: Step;
  /** Since the step began. */
  readonly elapsedSeconds: number;
  /** How long it took until PromQL showed the effect; `undefined` before it does. */
  readonly seenAfterSeconds: number | undefined;
  /** Once it is seen: how long it is left to be looked at. */
  readonly nextInSeconds: number;
};
