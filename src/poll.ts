/**
 * A poll of chronyd: TRACKING, the source that the clock follows, and what that one says of itself. The
 * agent polls again and again, `status` once.
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
  /** Why it is not known what that source says of itself. */
  readonly upstreamError: ChronyError | undefined;
};

/** Polls one chronyd, with a fresh socket each time. */
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
   * @param longestMs what the search for the followed source may take, in milliseconds
   * @param asksUpstream whether to ask what that source says of itself (NTP_DATA)
   */
  async poll(longestMs: number, asksUpstream: boolean): Promise<Poll> {
    const beganMs = performance.now();
    const client = await ChronyClient.open(this.#address);
    try {
      const answer = client.ok ? await client.value.ask(tracking) : client;
      // What the state is judged by belongs to this moment, however long the other reports take.
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
   * What chronyd reports beside that.
   * @param longestMs what it may take, in milliseconds
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
