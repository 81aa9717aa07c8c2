/** What an agent really read, from the record of its sockets (test/parts/recorded-readings.ts). */
import type { RecordedEvent } from "../parts/recorded-readings.ts";
import { type RecordedTracking, recordedTracking } from "./recorded-tracking.ts";

/** One reading of chronyd: a socket from bind to close. Times are milliseconds since 1970. */
export type Reading = {
  /** Which start of the agent it belongs to, from 0. */
  readonly life: number;
  readonly openedMs: number;
  /** When the socket was closed by the machine's clock; still open when the record ends: `undefined`. */
  readonly closedMs: number | undefined;
  /** Between these two, by the agent's own wall clock, the report was judged. */
  readonly earliestWallMs: number;
  readonly latestWallMs: number;
  /** What chronyd said. Two, when it answered twice; none, when it did not answer or not well. */
  readonly reports: readonly RecordedTracking[];
};

/** A reading whose socket was closed. */
export type EndedReading = Reading & { readonly closedMs: number };

/**
 * The readings in a record, in order; the last may not have ended.
 * @param record lines of JSON; the last may be cut off, by a SIGKILL
 */
export function readingsOf(record: string, life: number): Reading[] {
  const bySocket = Map.groupBy(eventsOf(record), ({ socket }) => socket);
  const readings = [...bySocket.values()].map((events) => readingOf(events, life));
  // Where there is no answer, the clocks may be read just after the socket was closed.
  return readings.map((reading, index) =>
    reading.reports.length > 0
      ? reading
      : {
          ...reading,
          latestWallMs: readings[index + 1]?.earliestWallMs ?? Number.POSITIVE_INFINITY,
        },
  );
}

/** Whether a reading ended. */
export function hasEnded(reading: Reading): reading is EndedReading {
  return reading.closedMs !== undefined;
}

function eventsOf(record: string): RecordedEvent[] {
  return record
    .slice(0, record.lastIndexOf("\n") + 1)
    .split("\n")
    .filter((line) => line !== "")
    .map((line): RecordedEvent => JSON.parse(line));
}

function readingOf(events: readonly RecordedEvent[], life: number): Reading {
  const [opened] = events;
  if (opened === undefined) {
    throw new Error("A socket of the record has no event.");
  }
  const answers = events.flatMap((event) => {
    const report =
      event.bytes === undefined ? undefined : recordedTracking(Buffer.from(event.bytes, "hex"));
    return report === undefined ? [] : [{ event, report }];
  });
  const closed = events.find(({ event }) => event === "closed");
  return {
    life,
    openedMs: opened.trueMs,
    closedMs: closed?.trueMs,
    earliestWallMs: (answers[0]?.event ?? opened).wallMs,
    latestWallMs: closed?.wallMs ?? Number.POSITIVE_INFINITY,
    reports: answers.map(({ report }) => report),
  };
}
