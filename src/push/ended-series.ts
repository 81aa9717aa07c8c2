/**
 * **Gone means gone.** A series that was sent and is not observed any more has an end, a point of value
 * NaN, in the next collection, and in each further one until a request with one was accepted, or the
 * backend does not show the series any more anyway.
 */
import type { ResourceMetrics } from "@opentelemetry/sdk-metrics";
import { timeWithSleepMs } from "../clock/clock-pair.ts";
import { type Batch, pointsOf, type Series, type SeriesValue, seriesValuesOf } from "./batch.ts";

type Shown = {
  readonly series: Series;
  /** When the last collection that observed it was taken. */
  readonly observedMs: number;
};

/** Knows the series that the backend may show. */
export class EndedSeries {
  readonly #shown: Map<string, Shown>;

  /** @param before series that an agent before this one may have pushed */
  constructor(before: readonly Series[]) {
    this.#shown = new Map(before.map((series) => [series.key, { series, observedMs: 0 }]));
  }

  /**
   * A collection's points, and the ends of what it lacks.
   * @param takenMs when it was taken: monotonic, the machine's sleep included, in milliseconds
   */
  withEnds(collected: ResourceMetrics, takenMs: number): SeriesValue[] {
    const observed = seriesValuesOf(collected, this.#shown);
    for (const { series } of observed) {
      this.#shown.set(series.key, { series, observedMs: takenMs });
    }
    const ended = [...this.#shown.values()].filter(({ observedMs }) => observedMs < takenMs);
    return [...observed, ...ended.map(({ series }) => ({ series, value: Number.NaN }))];
  }

  /** The backend has these: it does not show any more what was not observed since its end. */
  accepted(batches: readonly Batch[]): void {
    for (const batch of batches) {
      const takenMs = timeWithSleepMs(batch.moment.clocks);
      for (const { series, value } of pointsOf(batch)) {
        const shown = this.#shown.get(series.key);
        if (Number.isNaN(value) && shown !== undefined && shown.observedMs < takenMs) {
          this.#shown.delete(series.key);
        }
      }
    }
  }

  /** Forgets what was last observed before a time. */
  forget(beforeMs: number): void {
    for (const [key, { observedMs }] of this.#shown) {
      if (observedMs < beforeMs) {
        this.#shown.delete(key);
      }
    }
  }
}
