/**
 * A poll of chronyd: TRACKING, the report of the followed source, and what that source reports about
 * itself. The agent polls repeatedly, `status` once.
 */
import type { ChronyError } from "./chrony/chrony-error.ts";
import { type ChronyAddress, ChronyClient } from "./chrony/client.ts";
import { FollowedSource } from "./chrony/followed-source.ts";
import {
  type OptionalReport,
  type OptionalReports,
  readOptionalReports,
} from "./chrony/optional-reports.ts";
import { SourceNames } from "./chrony/source-names.ts";
import { followsItself, type Tracking, tracking } from "./chrony/tracking.ts";
import { Upstream } from "./chrony/upstream.ts";
import type { Reading } from "./clock/assessment.ts";
import { readSystemClocks } from "./system-clocks.ts";

export type Poll = {
  readonly reading: Reading;
  /** Why the followed source is not known. */
  readonly followedError: ChronyError | undefined;
  /** Why that source's own report is not known. */
  readonly upstreamError: ChronyError | undefined;
};

/** Polls one chronyd, with a new socket for each poll. */
export class Poller {
  readonly #address: ChronyAddress;
  readonly #names = new SourceNames();
  readonly #followed = new FollowedSource();
  readonly #upstream = new Upstream();
  #polls = 0;

  constructor(address: ChronyAddress) {
    this.#address = address;
  }

  /**
   * @param longestMs the longest time for the search for the followed source, in milliseconds
   * @param asksUpstream whether to ask for that source's own report (NTP_DATA)
   */
  async poll(longestMs: number, asksUpstream: boolean): Promise<Poll> {
    const beganMs = performance.now();
    const client = await ChronyClient.open(this.#address);
    try {
      const answer = client.ok ? await client.value.ask(tracking) : client;
      // The state is judged by the clocks at this moment, because the other reports may take long.
      const clocks = readSystemClocks();
      const followed =
        client.ok && answer.ok && hasSource(answer.value)
          ? await this.#followed.read(client.value, answer.value, longestMs)
          : undefined;
      const source = followed?.ok ? followed.value : undefined;
      const upstream =
        client.ok && answer.ok && asksUpstream
          ? await this.#upstream.isLocal(client.value, source)
          : undefined;
      this.#polls += 1;
      return {
        reading: {
          number: this.#polls,
          clocks,
          durationSeconds: (performance.now() - beganMs) / 1000,
          tracking: answer,
          followed: source,
          upstreamIsLocal: upstream?.ok ? upstream.value : undefined,
        },
        followedError: followed?.ok === false ? followed.error : undefined,
        upstreamError: upstream?.ok === false ? upstream.error : undefined,
      };
    } finally {
      if (client.ok) {
        client.value.close();
      }
    }
  }

  /**
   * Asks chronyd for the optional reports.
   * @param longestMs the longest time for all of them, in milliseconds
   * @returns `undefined` when chronyd cannot be asked: the next poll says why
   */
  async optionalReports(
    wanted: ReadonlySet<OptionalReport>,
    longestMs: number,
  ): Promise<OptionalReports | undefined> {
    const client = await ChronyClient.open(this.#address);
    if (!client.ok) {
      return undefined;
    }
    try {
      const [names, followedIndex] = [this.#names, this.#followed.index];
      return await readOptionalReports(client.value, { wanted, names, followedIndex, longestMs });
    } finally {
      client.value.close();
    }
  }
}

/** Whether there is a source that the clock follows. */
function hasSource(report: Tracking): boolean {
  return report.leapStatus !== "unsynchronised" && !followsItself(report);
}
