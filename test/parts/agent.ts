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
   * Its settings. Of the caller's environment it gets only `PATH` and `HOME`. Default of its HTTP server: 127.0.0.1 and a
   * free port.
   */
  readonly environment: Readonly<Record<string, string>>;
  /** Whether `shiftWallClock`, `letPass`, `letMonotonicPass` and `sleep` can be used. */
  readonly shiftableClock?: boolean;
  /** A file for every datagram of chronyd that the agent received (recorded-readings.ts). */
  readonly recordFile?: string;
  /** The absolute path of the script. Default: `src/main.ts`. */
  readonly entry?: string;
  /** A command that runs another one, such as `unshare`. */
  readonly wrapper?: readonly string[];
};

/** A real agent in its own process. */
export type Agent = {
  readonly process: RunningProcess;
  /** The address of its HTTP server, without a path: `http://127.0.0.1:9464`. */
  readonly pullUrl: string;
  /**
   * Sets how far its wall clock is ahead of the machine's, in milliseconds (negative: behind), and waits until it is. The
   * monotonic clock is not affected.
   */
  shiftWallClock(shiftMs: number): Promise<void>;
  /**
   * Moves all its clocks ahead, in milliseconds, and waits until they are. Its timers are not affected.
   */
  letPass(passMs: number): Promise<void>;
  /**
   * Moves its clocks except the wall clock ahead, in milliseconds. To the agent the wall clock was stepped back by as much,
   * so its points keep the machine's time.
   */
  letMonotonicPass(passMs: number): Promise<void>;
  /** Simulates a sleep of the machine of this many milliseconds for it, and waits until it is done. */
  sleep(sleepMs: number): Promise<void>;
  /** The last 200 lines of its log that are JSON objects. */
  logs(): Record<string, unknown>[];
  stop(): Promise<void>;
};

/** Starts the agent. Its HTTP server may not listen yet. */
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
 * Starts an agent that polls this chronyd five times a second and does not push.
 *
 * @param settings replace or extend these
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
