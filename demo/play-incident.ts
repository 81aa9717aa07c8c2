/** Plays an incident: each step, and whether its effect reaches Prometheus. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Prometheus } from "../test/parts/prometheus.ts";
import type { IncidentProgress } from "./incident-progress.ts";
import type { Step } from "./incident-steps.ts";
import { orAborted } from "./interruption.ts";
import { duration } from "./numbers.ts";
import type { Parts } from "./parts.ts";
import { JOBS, WAYS, type Way } from "./series.ts";

const CHECK_INTERVAL_MS = 250;

/** How long an effect is shown before the next step. */
const SHOWN_SECONDS = 8;

/** The effect of a step was not seen in time. */
export class EffectMissing extends Error {
  override readonly name = "EffectMissing";
}

/** A step, and the time until its effect was seen. */
export type PlayedStep = { readonly step: Step; readonly seenAfterSeconds: number };

/**
 * Plays the steps, one after another.
 * @param show is called with the progress, a few times a second
 * @param signal ends it early; its reason becomes the error
 * @throws EffectMissing when an effect is not seen in time
 */
export async function playIncident(
  steps: readonly Step[],
  parts: Parts,
  show: (progress: IncidentProgress) => void,
  signal: AbortSignal,
): Promise<PlayedStep[]> {
  const played: PlayedStep[] = [];
  for (const [index, step] of steps.entries()) {
    const beganMs = performance.now();
    const elapsed = () => (performance.now() - beganMs) / 1_000;
    const report = (seenAfterSeconds?: number) =>
      show({
        number: index + 1,
        count: steps.length,
        step,
        elapsedSeconds: elapsed(),
        seenAfterSeconds,
        nextInSeconds: (seenAfterSeconds ?? elapsed()) + SHOWN_SECONDS - elapsed(),
      });

    report();
    await step.act(parts);
    for (let seen: Way[] = []; seen.length < WAYS.length; ) {
      if (elapsed() > step.longestSeconds) {
        throw new EffectMissing(describeMissing(step, seen));
      }
      report();
      await orAborted(sleep(CHECK_INTERVAL_MS), signal);
      seen = await waysThatShow(step.effect, parts.prometheus);
    }
    const seenAfterSeconds = elapsed();
    played.push({ step, seenAfterSeconds });

    while (elapsed() < seenAfterSeconds + SHOWN_SECONDS) {
      report(seenAfterSeconds);
      await orAborted(sleep(CHECK_INTERVAL_MS), signal);
    }
  }
  return played;
}

async function waysThatShow(effect: string, prometheus: Prometheus): Promise<Way[]> {
  const samples = await prometheus.query(effect);
  return WAYS.filter((way) => samples.some(({ labels }) => labels["job"] === JOBS[way]));
}

function describeMissing({ title, effect, longestSeconds }: Step, seen: readonly Way[]): string {
  const missing = WAYS.filter((way) => !seen.includes(way)).join(" and by ");
  return `The step "${title}" shows no effect after ${duration(longestSeconds)}: by ${missing}, PromQL returns nothing for ${effect.replaceAll("\n", " ")}`;
}
