import { type ChildProcess, type Serializable, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { atExit } from "./at-exit.ts";
import { waitFor } from "./wait-for.ts";

const KEPT_LINES = 200;
const KILL_AFTER_MS = 5_000;
const OUTPUT_AFTER_EXIT_MS = 1_000;

/** A command and how to run it. */
export type ProcessDescription = {
  /** Its name in error messages. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Its whole environment. Default: the caller's. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Its working folder. Default: the caller's. */
  readonly cwd?: string;
  /** Whether to open a channel for `ask`, which only a Node.js process can answer. */
  readonly ipc?: boolean;
  /** Gets every line of its output and of its errors. */
  readonly onLine?: (line: string) => void;
};

/** How a process ended: by itself with a code, or by a signal. */
export type ProcessEnd = {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
};

/** A child process. */
export type RunningProcess = {
  readonly name: string;
  readonly pid: number;
  /** Settles when the process has ended and its output is complete. It never rejects. */
  readonly exited: Promise<ProcessEnd>;
  /** The last 200 lines of its output and errors, in order. */
  output(): string;
  /**
   * The first line that matches: one of the kept lines, or a later one.
   *
   * @throws when the time is over or the process ends first, with its last output
   */
  waitForLine(pattern: RegExp, timeoutMs?: number): Promise<string>;
  /**
   * Waits like {@link waitFor}.
   *
   * @throws also as soon as the process ends, with its last output
   */
  waitUntil<T>(
    what: string,
    condition: () => Promise<T | undefined | false> | T | undefined | false,
    timeoutMs?: number,
  ): Promise<T>;
  /** Sends a signal to it and to the processes that it started. Does nothing if it has ended. */
  signal(name: NodeJS.Signals): void;
  /** Kills it and the processes that it started (SIGKILL), and waits until it has ended. */
  kill(): Promise<void>;
  /**
   * Sends a message over the channel, and returns the next one that comes back. One request at a time.
   *
   * @throws when the time is over or the process ends first, with its last output
   */
  ask(message: Serializable, timeoutMs: number): Promise<unknown>;
  /**
   * Ends the process: SIGTERM, also when it is frozen, and SIGKILL 5 s later. Waits until it has ended. It can be called at
   * any time and any number of times.
   */
  stop(): Promise<void>;
};

/**
 * Starts a process. It ends when this one exits, at the latest.
 *
 * @throws when the command cannot be executed
 */
export function startProcess(description: ProcessDescription): RunningProcess {
  const { name, command, args, env = process.env, cwd, ipc = false, onLine } = description;
  const child = spawn(command, args, {
    env: { ...env },
    cwd,
    stdio: ["ignore", "pipe", "pipe", ipc ? "ipc" : "ignore"],
    // Its own process group. So Ctrl-C in a terminal reaches only this process, which stops its children in order,
    // and a child that starts others (`go run`) is ended together with them.
    detached: true,
  });
  // Node.js reports a failed start also by an event, which needs a listener.
  child.on("error", () => {});
  const { pid, stdout, stderr } = child;
  if (pid === undefined || stdout === null || stderr === null) {
    throw new Error(`cannot start ${name}: ${command} does not exist or cannot be executed`);
  }

  const lines: string[] = [];
  const keepLine = (line: string) => {
    lines.push(line);
    if (lines.length > KEPT_LINES) {
      lines.shift();
    }
    onLine?.(line);
  };
  createInterface({ input: stdout }).on("line", keepLine);
  createInterface({ input: stderr }).on("line", keepLine);
  const output = () => lines.join("\n");

  const ended = new AbortController();
  const isRunning = () => child.exitCode === null && child.signalCode === null;
  const signal = (signalName: NodeJS.Signals) => {
    if (isRunning()) {
      process.kill(-pid, signalName);
    }
  };
  const forget = atExit(() => signal("SIGKILL"));
  const exited = whenExited(child, [stdout, stderr]).then((end) => {
    forget();
    ended.abort(new Error(`${name} ended (${describeEnd(end)}); its last output:\n${output()}`));
    return end;
  });

  const waitUntil: RunningProcess["waitUntil"] = async (what, condition, timeoutMs) => {
    try {
      return await waitFor(what, condition, timeoutMs, ended.signal);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const context =
        error === ended.signal.reason
          ? `waiting for ${what}: ${message}`
          : `${message}; the last output of ${name}:\n${output()}`;
      throw new Error(context, { cause: error });
    }
  };

  let stopping: Promise<void> | undefined;
  const stop = async () => {
    signal("SIGTERM");
    // A frozen process gets the signal only when it continues.
    signal("SIGCONT");
    const killer = setTimeout(() => signal("SIGKILL"), KILL_AFTER_MS);
    await exited;
    clearTimeout(killer);
  };

  return {
    name,
    pid,
    exited,
    output,
    waitForLine: (pattern, timeoutMs) =>
      waitUntil(
        `${name} to say ${pattern}`,
        () => lines.find((line) => pattern.test(line)),
        timeoutMs,
      ),
    waitUntil,
    signal,
    async kill() {
      signal("SIGKILL");
      await exited;
    },
    async ask(message, timeoutMs) {
      let answer: { readonly message: unknown } | undefined;
      const keepAnswer = (received: unknown) => {
        answer = { message: received };
      };
      child.once("message", keepAnswer);
      try {
        child.send(message, () => {});
        const found = await waitUntil(
          `${name} to answer ${JSON.stringify(message)}`,
          () => answer,
          timeoutMs,
        );
        return found.message;
      } finally {
        child.removeListener("message", keepAnswer);
      }
    },
    stop() {
      stopping ??= stop();
      return stopping;
    },
  };
}

function whenExited(child: ChildProcess, streams: readonly Readable[]): Promise<ProcessEnd> {
  return new Promise((resolve) => {
    child.once("exit", () => {
      // "close" would wait for all processes with its output, for example grandchildren.
      const closer = setTimeout(() => {
        for (const stream of streams) {
          stream.destroy();
        }
      }, OUTPUT_AFTER_EXIT_MS);
      child.once("close", () => clearTimeout(closer));
    });
    child.once("close", (code, signal) => resolve({ code, signal }));
  });
}

function describeEnd({ code, signal }: ProcessEnd): string {
  return signal === null ? `exit code ${code}` : signal;
}
