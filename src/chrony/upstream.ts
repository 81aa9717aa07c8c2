/**
 * What the followed source says of itself in its last response (NTP_DATA): whether it follows its own
 * clock. A source that runs free looks like any other one: its offset and dispersion are small.
 */
import { type Result, success } from "../result.ts";
import type { ChronyError } from "./chrony-error.ts";
import type { ChronyClient } from "./client.ts";
import { ntpData } from "./ntp-data.ts";
import { sourceText } from "./source.ts";
import type { SourceData } from "./source-data.ts";
import { LOCAL_REFERENCE_ID } from "./tracking.ts";

/** What ntpd sends for it, whatever its stratum: `LOCL`. */
const LOCAL_CLOCK_OF_NTPD = 0x4c4f_434c;

/** Asks for NTP_DATA of the followed source, once for each of its samples. */
export class Upstream {
  #askedFor: string | undefined;
  #isLocal: boolean | undefined;

  /**
   * Whether the source follows its own clock; `undefined` when that is not known: a reference clock has
   * no NTP_DATA, and chronyd gives none over UDP.
   */
  async isLocal(
    client: Pick<ChronyClient, "ask">,
    followed: SourceData | undefined,
  ): Promise<Result<boolean | undefined, ChronyError>> {
    if (followed?.source.kind !== "ntp") {
      this.#askedFor = undefined;
      return success(undefined);
    }
    const sample = `${sourceText(followed.source)} ${followed.latestMeasurement?.originalOffsetSeconds}`;
    if (sample !== this.#askedFor) {
      this.#askedFor = undefined;
      const answer = await client.ask(ntpData(followed.source.address));
      if (!answer.ok) {
        return answer;
      }
      this.#askedFor = sample;
      this.#isLocal = followsItself(answer.value.response?.referenceId);
    }
    return success(this.#isLocal);
  }
}

function followsItself(referenceId: number | undefined): boolean | undefined {
  return referenceId === undefined
    ? undefined
    : referenceId === LOCAL_REFERENCE_ID || referenceId === LOCAL_CLOCK_OF_NTPD;
}
