// A chronyd that is polled like by the agent, with the assessment of each poll.

import { setTimeout as sleep } from "node:timers/promises";
import { parseChronyAddress } from "../../src/chrony/address.ts";
import { type ChronyAddress, ChronyClient } from "../../src/chrony/client.ts";
import { FollowedSource } from "../../src/chrony/followed-source.ts";
import { tracking } from "../../src/chrony/tracking.ts";
import { type ClockHistory, withReading } from "../../src/clock/assessment.ts";
import { readSystemClocks } from "../../src/system-clocks.ts";
import { watched } from "../chrony/questions.ts";

const POLL_EVERY_MS = 50;
const PEAK_WIDTH_MS = 60_000;
const LONGEST_MS = 1_000;
const LONGEST_WAIT_MS = 60_000;

/** A poll, and the assessment after it. */
export type Poll = {
  readonly history: ClockHistory;
  /** The number of its requests in addition to TRACKING. */
  readonly questions: number;
};

export class PolledChronyd {
  readonly polls: Poll[] = [];
  readonly #address: ChronyAddress;
  readonly #floorSeconds: number;
  readonly #followed = new FollowedSource();
  #questions = 0;

  /** @param floorSeconds no source is stale before; the agent's 16 s would be a long test */
  constructor(address: string, floorSeconds: number) {
    const parsed = parseChronyAddress(address);
    if (!parsed.ok) {
      throw new Error(parsed.error);
    }
    this.#address = watched(parsed.value, () => {
      this.#questions += 1;
    });
    this.#floorSeconds = floorSeconds;
  }

  get newest(): ClockHistory | undefined {
    return this.polls.at(-1)?.history;
  }

  /** Polls until the assessment fulfils a condition. */
  async until(what: string, condition: (history: ClockHistory) => boolean): Promise<ClockHistory> {
    const endMs = performance.now() + LONGEST_WAIT_MS;
    for (;;) {
      const history = await this.#poll();
      if (condition(history)) {
        return history;
      }
      if (performance.now() > endMs) {
        const { state, source } = history;
        throw new Error(`waited for ${what}; last seen: ${state}, ${JSON.stringify(source)}`);
      }
      await sleep(POLL_EVERY_MS);
    }
  }

  async #poll(): Promise<ClockHistory> {
    this.#questions = 0;
    const client = await ChronyClient.open(this.#address);
    if (!client.ok) {
      throw new Error(JSON.stringify(client.error));
    }
    const answer = await client.value.ask(tracking);
    const clocks = readSystemClocks();
    const followed = answer.ok
      ? await this.#followed.read(client.value, answer.value, LONGEST_MS)
      : undefined;
    client.value.close();
    const reading = {
      number: this.polls.length + 1,
      clocks,
      durationSeconds: 0,
      tracking: answer,
      followed: followed?.ok ? followed.value : undefined,
      upstreamIsLocal: undefined,
    };
    const history = withReading(this.newest, reading, PEAK_WIDTH_MS, this.#floorSeconds);
    this.polls.push({ history, questions: this.#questions - 1 });
    return history;
  }
}
