import { fileURLToPath } from "node:url";
import type { Chronyd } from "./chronyd.ts";
import { freePort } from "./free-port.ts";
import { endWith, type Owner } from "./owner.ts";
import { type RunningProcess, startProcess } from "./running-process.ts";

const SOURCE_ENTRY = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const SHIFTED_CLOCKS = new URL("shifted-clocks.ts", import.meta.url).href;
const RECORDED_READINGS = new URL("recorded-readings.ts", import.meta.url).href;
const ANSWER_MS = 60_000;

/** How to start the agent. */
export type AgentDescription = {
  /**
   * Its settings. Nothing else of the caller's environment reaches it but `PATH` and `HOME`. Where
   * it names no host and port for the pull side, 127.0.0.1 and a free port are added.
   */
  readonly environment: Readonly<Record<string, string>>;
  /** Whether `shiftWallClock`, `letPass`, `letMonotonicPass` and `sleep` can be used. */
  readonly shiftableClock?: boolean;
  /** A file that gets every datagram of chronyd as the agent got it (recorded-readings.ts). */
  readonly recordFile?: string;
  /** The absolute path of what Node runs; `src/main.ts` when left out. */
  readonly entry?: string;
  /** A command that runs the one behind it in other circumstances, such as `unshare`. */
  readonly wrapper?: readonly string[];
};

/** A real agent in a process of its own. */
export type Agent = {
  readonly process: RunningProcess;
  /** Where it serves, without a path: `http://127.0.0.1:9464`. */
  readonly pullUrl: string;
  /**
   * Sets how far its wall clock is ahead of the machine's, in milliseconds (negative: behind).
   * Settles when it holds. The monotonic clock is not affected.
   */
  shiftWallClock(shiftMs: number): Promise<void>;
  /**
   * Lets time pass at once, in milliseconds: all its clocks are ahead by that much more. Its timers
   * are not; settles when it holds.
   */
  letPass(passMs: number): Promise<void>;
  /**
   * Lets time pass at once, in milliseconds, but not by its wall clock, which was stepped back by as
   * much as far as it can know: what it pushes still has the time that it has for everyone else.
   */
  letMonotonicPass(passMs: number): Promise<void>;
  /** Has the machine sleep at once, as far as it can know, for so many milliseconds; settles when it holds. */
  sleep(sleepMs: number): Promise<void>;
  /** What it logged, the last 200 lines: a JSON object each, lines that are none left out. */
  logs(): Record<string, unknown>[];
  stop(): Promise<void>;
};

/** Starts the agent. It may not serve yet. */
export async function startAgent(owner: Owner, description: AgentDescription): Promise<Agent> {
  const { shiftableClock = false, recordFile, entry = SOURCE_ENTRY, wrapper = [] } = description;
  const { PATH, HOME } = process.env;
  const environment = {
    OTEL_EXPORTER_PROMETHEUS_HOST: "127.0.0.1",
    OTEL_EXPORTER_PROMETHEUS_PORT: String(await freePort()),
    ...description.environment,
  };
  const preloaded = [
    ...(shiftableClock ? [SHIFTED_CLOCKS] : []),
    ...(recordFile === undefined ? [] : [`${RECORDED_READINGS}?file=${recordFile}`]),
  ].flatMap((module) => ["--import", module]);
  const [command, ...args] = [...wrapper, process.execPath, ...preloaded, entry];
  const running = startProcess({
    name: "the agent",
    command,
    args,
    env: { PATH, HOME, ...environment },
    ipc: shiftableClock,
  });
  endWith(owner, () => running.stop());
  return {
    process: running,
    pullUrl: `http://127.0.0.1:${environment.OTEL_EXPORTER_PROMETHEUS_PORT}`,
    async shiftWallClock(shiftMs) {
      await running.ask({ shiftWallClockMs: shiftMs }, ANSWER_MS);
    },
    async letPass(passMs) {
      await running.ask({ passMs }, ANSWER_MS);
    },
    async letMonotonicPass(passMs) {
      await running.ask({ passMonotonicMs: passMs }, ANSWER_MS);
    },
    async sleep(sleepMs) {
      await running.ask({ sleepMs }, ANSWER_MS);
    },
    logs: () => running.output().split("\n").flatMap(parseLog),
    stop: () => running.stop(),
  };
}

/**
 * Starts an agent that asks this chronyd five times a second and is only scraped: it pushes nothing.
 *
 * @param settings in addition to these, or in their place.
 */
export function startAgentBeside(
  owner: Owner,
  chronyd: Pick<Chronyd, "address">,
  settings: Readonly<Record<string, string>> = {},
): Promise<Agent> {
  return startAgent(owner, {
    shiftableClock: true,
    environment: {
      CHRONY_ADDRESS: chronyd.address,
      SLEEP_INTERVAL: "0.2",
      OTEL_METRICS_EXPORTER: "prometheus",
      ...settings,
    },
  });
}

function parseLog(line: string): Record<string, unknown>[] {
  if (!line.startsWith("{")) {
    return [];
  }
  try {
    const record: Record<string, unknown> = JSON.parse(line);
    return [record];
  } catch {
    return [];
  }
}
