/** `--seconds N`: checks that Prometheus has recent values that agree with chronyd's own reports. */
import { setTimeout as sleep } from "node:timers/promises";
import { milliseconds } from "../src/summary/quantities.ts";
import type { Chronyd } from "../test/parts/chronyd.ts";
import type { Prometheus, Sample, Series } from "../test/parts/prometheus.ts";
import {
  type ChronydReport,
  compare,
  type ErrorSample,
  type PollWindow,
  readReport,
} from "./agreement.ts";
import { orAborted } from "./interruption.ts";
import { seconds } from "./numbers.ts";
import { EXPORT_INTERVAL_MS, type Parts, POLL_INTERVAL_MS } from "./parts.ts";
import { CLOCK_ERROR, JOBS, NODE_NAME, type Way } from "./series.ts";

/** The values in Prometheus are missing, old or wrong. */
export class CheckFailed extends Error {
  override readonly name = "CheckFailed";
}

/** The last part of the run, in which chronyd is polled for comparison. */
const COMPARED_SECONDS = 10;

/** Often enough to see every update of the reference, which is at most once a second. */
const REPORT_INTERVAL_MS = 200;

/** A value is recent if at most three later ones are due. */
const FRESH_MS = 3 * EXPORT_INTERVAL_MS;

/** How long chronyd or the agent may take to answer on a busy machine. */
const ANSWER_MS = 250;

/**
 * When chronyd was polled for a sample. A pushed point has the time of chronyd's answer. A scraped one has the
 * time at which the scrape began, and the values of the agent's newest poll, which is up to two intervals
 * older, or made during the scrape.
 */
const POLL_WINDOWS: Readonly<Record<Way, PollWindow>> = {
  push: { fromMs: -ANSWER_MS, toMs: 1 },
  pull: { fromMs: -2 * POLL_INTERVAL_MS - ANSWER_MS, toMs: ANSWER_MS },
};

/**
 * Lets the parts run, and compares the values in Prometheus with chronyd's reports.
 * @param signal ends it early; its reason becomes the error
 * @returns one line with the result
 * @throws CheckFailed when values are missing, old, or differ from chronyd's reports
 */
export async function check(
  parts: Parts,
  runSeconds: number,
  signal: AbortSignal,
): Promise<string> {
  const endMs = performance.now() + runSeconds * 1_000;
  const leftMs = () => Math.max(endMs - performance.now(), 0);
  await orAborted(sleep(Math.max(runSeconds - COMPARED_SECONDS, 0) * 1_000), signal);

  const beganMs = Date.now();
  const reports: ChronydReport[] = [];
  while (leftMs() > 0) {
    reports.push(await orAborted(askChronyd(parts.follower), signal));
    await orAborted(sleep(Math.min(REPORT_INTERVAL_MS, leftMs())), signal);
  }
  const period = { fromMs: beganMs, toMs: Date.now() };
  const samples = await orAborted(readSamples(parts.prometheus, period), signal);
  reports.push(await orAborted(askChronyd(parts.follower), signal));

  const push = judge("push", samples.push, reports, period);
  const pull = judge("pull", samples.pull, reports, period);
  return `${CLOCK_ERROR} is ${push.newest} by push and ${pull.newest} by pull; ${push.compared} pushed and ${pull.compared} pulled values agree with chronyd's own reports.`;
}

async function askChronyd(chronyd: Chronyd): Promise<ChronydReport> {
  const askedMs = Date.now();
  const [fields = []] = await chronyd.query("tracking");
  return readReport(fields, askedMs, Date.now());
}

/** In milliseconds since 1970. */
type Period = { readonly fromMs: number; readonly toMs: number };

/** The samples of a period, each with its reference time. */
async function readSamples(
  prometheus: Prometheus,
  { fromMs, toMs }: Period,
): Promise<Readonly<Record<Way, readonly ErrorSample[]>>> {
  const read = (metric: string) =>
    prometheus.series(`${metric}{instance="${NODE_NAME}"}`, fromMs / 1_000, toMs / 1_000);
  const [errors, references] = await Promise.all([
    read(CLOCK_ERROR),
    read("chrony_tracking_reference_timestamp_seconds"),
  ]);
  const join = (way: Way): ErrorSample[] => {
    const referenceAt = new Map(
      samplesOf(references, way).map(({ timestampSeconds, value }) => [timestampSeconds, value]),
    );
    return samplesOf(errors, way).map(({ timestampSeconds, value }) => ({
      errorMs: value,
      referenceTimeSeconds: referenceAt.get(timestampSeconds) ?? Number.NaN,
      wallMs: timestampSeconds * 1_000,
    }));
  };
  return { push: join("push"), pull: join("pull") };
}

function samplesOf(series: readonly Series[], way: Way): readonly Sample[] {
  return series.find(({ labels }) => labels["job"] === JOBS[way])?.samples ?? [];
}

function judge(
  way: Way,
  samples: readonly ErrorSample[],
  reports: readonly ChronydReport[],
  { fromMs, toMs }: Period,
): { readonly newest: string; readonly compared: number } {
  const newest = samples.at(-1);
  if (newest === undefined) {
    throw new CheckFailed(
      `Prometheus got no ${CLOCK_ERROR} by ${way} in the last ${seconds((toMs - fromMs) / 1_000)}.`,
    );
  }
  const ageMs = toMs - newest.wallMs;
  if (ageMs > FRESH_MS) {
    throw new CheckFailed(
      `The newest ${CLOCK_ERROR} by ${way} is ${seconds(ageMs / 1_000)} old: expected at most ${seconds(FRESH_MS / 1_000)}.`,
    );
  }
  const comparison = compare(samples, reports, POLL_WINDOWS[way]);
  switch (comparison.kind) {
    case "agree":
      return {
        newest: `${milliseconds(newest.errorMs)} (${seconds(ageMs / 1_000)} old)`,
        compared: comparison.compared,
      };
    case "disagree": {
      const { sample, leastMs, mostMs } = comparison;
      throw new CheckFailed(
        `${CLOCK_ERROR} by ${way} was ${sample.errorMs} ms at ${new Date(sample.wallMs).toISOString()}: expected ${leastMs} to ${mostMs} ms by chronyd's own report.`,
      );
    }
    case "nothing to compare":
      throw new CheckFailed(
        `${CLOCK_ERROR} by ${way} could not be compared: chronyd reported none of the references of the ${samples.length} samples in Prometheus.`,
      );
  }
}
