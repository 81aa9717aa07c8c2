/**
 * Staleness markers. When a series that was sent is no longer observed, the next collection has a marker
 * for it, a point of value NaN. The marker is repeated until a request with it is accepted, or until the
 * backend no longer shows the series anyway.
 */
import type { ResourceMetrics } from "@opentelemetry/sdk-metrics";
import { type Batch, pointsOf, type Series, type SeriesValue, seriesValuesOf } from "./batch.ts";

type Shown = {
  readonly series: Series;
  /** The number of the last collection with this series, and when it was made. */
  readonly number: number;
  readonly observedMs: number;
};

/** Keeps track of the series that the backend may show. */
export class EndedSeries {
  readonly #shown: Map<string, Shown>;

  /** @param before series that a previous agent may have pushed */
  constructor(before: readonly Series[]) {
    this.#shown = new Map(
      before.map((series) => [series.key, { series, number: 0, observedMs: 0 }]),
    );
  }

  /**
   * The points of a collection, and staleness markers for the series that it lacks.
   * @param number the number of the collection, from 1
   * @param nowMs monotonic, including sleep, in milliseconds
   */
  withEnds(collected: ResourceMetrics, number: number, nowMs: number): SeriesValue[] {
    const observed = seriesValuesOf(collected, this.#shown);
    for (const { series } of observed) {
      this.#shown.set(series.key, { series, number, observedMs: nowMs });
    }
    const ended = [...this.#shown.values()].filter((shown) => shown.number < number);
    return [...observed, ...ended.map(({ series }) => ({ series, value: Number.NaN }))];
  }

  /** Records that the backend accepted these: their markers need not be repeated. */
  accepted(batches: readonly Batch[]): void {
    for (const batch of batches) {
      for (const { series, value } of pointsOf(batch)) {
        const shown = this.#shown.get(series.key);
        if (Number.isNaN(value) && shown !== undefined && shown.number < batch.moment.number) {
          this.#shown.delete(series.key);
        }
      }
    }
  }

  /** Forgets series that were last observed before a time. */
  forget(beforeMs: number): void {
    for (const [key, { observedMs }] of this.#shown) {
      if (observedMs < beforeMs) {
        this.#shown.delete(key);
      }
    }
  }
}
