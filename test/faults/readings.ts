/** The real polls of an agent, from the record of its sockets (test/parts/recorded-readings.ts). */
import type { RecordedEvent } from "../parts/recorded-readings.ts";
import { type RecordedTracking, recordedTracking } from "./recorded-tracking.ts";

/** One poll of chronyd: a socket from bind to close. Times are milliseconds since 1970. */
export type Reading = {
  /** The number of the agent's start, from 0. */
  readonly life: number;
  readonly openedMs: number;
  /** When the socket was closed, by the machine's clock; `undefined` when it was open at the end. */
  readonly closedMs: number | undefined;
  /** The agent judged the report between these times of its own wall clock. */
  readonly earliestWallMs: number;
  readonly latestWallMs: number;
  /** chronyd's valid replies: none, one, or two when it answered twice. */
  readonly reports: readonly RecordedTracking[];
};

/** A poll whose socket was closed. */
export type EndedReading = Reading & { readonly closedMs: number };

/**
 * The polls in a record, in order. The last may not have ended.
 * @param record lines of JSON; the last may be truncated by a SIGKILL
 */
export function readingsOf(record: string, life: number): Reading[] {
  const bySocket = Map.groupBy(eventsOf(record), ({ socket }) => socket);
  const readings = [...bySocket.values()].map((events) => readingOf(events, life));
  // Without an answer, the clocks may be read just after the socket was closed.
  return readings.map((reading, index) =>
    reading.reports.length > 0
      ? reading
      : {
          ...reading,
          latestWallMs: readings[index + 1]?.earliestWallMs ?? Number.POSITIVE_INFINITY,
        },
  );
}

/** Whether a poll ended. */
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
