/**
 * Whether the followed source itself follows its own clock, by its last response (NTP_DATA). A
 * free-running source is not visible otherwise, because its offset and dispersion are small.
 */
import { type Result, success } from "../result.ts";
import type { ChronyError } from "./chrony-error.ts";
import type { ChronyClient } from "./client.ts";
import { ntpData } from "./ntp-data.ts";
import { sourceText } from "./source.ts";
import type { SourceData } from "./source-data.ts";
import { LOCAL_REFERENCE_ID } from "./tracking.ts";

/** The reference id that ntpd sends then, at any stratum: `LOCL`. */
const LOCAL_CLOCK_OF_NTPD = 0x4c4f_434c;

/** Requests NTP_DATA for the followed source, once per sample. */
export class Upstream {
  #askedFor: string | undefined;
  #isLocal: boolean | undefined;

  /**
   * Whether the source follows its own clock; `undefined` when not known: a reference clock has no
   * NTP_DATA, and chronyd does not report it over UDP.
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
