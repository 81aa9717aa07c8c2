/** One reading of chronyd for a person: TRACKING, then the sources, then what the followed one says of itself. */
import type { ParsedChronyAddress } from "../chrony/address.ts";
import type { ChronyError } from "../chrony/chrony-error.ts";
import { ChronyClient } from "../chrony/client.ts";
import { followedAmong } from "../chrony/followed-source.ts";
import {
  type FurtherReport,
  type OfSources,
  readFurtherReports,
} from "../chrony/further-reports.ts";
import type { SourceData } from "../chrony/source-data.ts";
import { SourceNames } from "../chrony/source-names.ts";
import { tracking } from "../chrony/tracking.ts";
import { Upstream } from "../chrony/upstream.ts";
import type { Reading } from "../clock/assessment.ts";
import { isOwnedByAnother } from "../privileges.ts";
import { readSystemClocks } from "../system-clocks.ts";

/** A reading, and what chronyd said of its sources; `undefined` when TRACKING was not answered. */
export type ChronydReading = {
  readonly reading: Reading;
  readonly sources: OfSources<SourceData> | undefined;
};

/** What chronyd may take for its sources, in milliseconds: a person waits. */
const LONGEST_SOURCES_MS = 1_000;

const SOURCES: ReadonlySet<FurtherReport> = new Set(["sources"]);

export async function readChronyd(
  address: ParsedChronyAddress,
  number: number,
): Promise<ChronydReading> {
  const beganMs = performance.now();
  const client = await ChronyClient.open(address);
  try {
    const answer = client.ok ? await client.value.ask(tracking) : client;
    const clocks = readSystemClocks();
    const further =
      client.ok && answer.ok
        ? await readFurtherReports(client.value, {
            wanted: SOURCES,
            names: new SourceNames(),
            followedIndex: undefined,
            longestMs: LONGEST_SOURCES_MS,
          })
        : undefined;
    const sources = further?.sources?.ok ? further.sources.value : [];
    const followed = answer.ok
      ? followedAmong(
          sources.map(({ content }) => content),
          answer.value,
        )
      : undefined;
    const upstream = client.ok ? await new Upstream().isLocal(client.value, followed) : undefined;
    const durationSeconds = (performance.now() - beganMs) / 1000;
    return {
      reading: {
        number,
        clocks,
        durationSeconds,
        tracking: answer,
        followed,
        // Not given over UDP, and no problem then.
        upstreamIsLocal: upstream?.ok === true ? upstream.value : undefined,
      },
      sources: further?.sources,
    };
  } finally {
    if (client.ok) {
      client.value.close();
    }
  }
}

/**
 * Whether a question went unanswered because of who asked, and says nothing of chronyd. A timeout
 * is of that kind when this process is not the socket directory's owner: chronyd then has no way to
 * write its answer (to root's socket neither).
 */
export function isFaultOfOurs(error: ChronyError, address: ParsedChronyAddress): boolean {
  switch (error.kind) {
    case "permission denied":
    case "no client socket":
      return true;
    case "timed out":
      return address.socketDirectory !== undefined && isOwnedByAnother(address.socketDirectory);
    case "socket missing":
    case "nobody listens":
    case "host unknown":
    case "socket failed":
    case "truncated":
    case "wrong version":
    case "wrong packet type":
    case "wrong command":
    case "refused":
    case "wrong reply":
    case "wrong length":
    case "invalid field":
      return false;
  }
}
