import { type ChildProcess, type Serializable, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { atExit } from "./at-exit.ts";
import { waitFor } from "./wait-for.ts";

const KEPT_LINES = 200;
const KILL_AFTER_MS = 5_000;
const OUTPUT_AFTER_EXIT_MS = 1_000;

/** What to run, and how. */
export type ProcessDescription = {
  /** What error messages call it. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Its whole environment; the caller's own when left out. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Its working folder; the caller's own when left out. */
  readonly cwd?: string;
  /** Whether to open a channel for `ask`, which only a Node process can answer. */
  readonly ipc?: boolean;
  /** Gets every line of its output and of its errors. */
  readonly onLine?: (line: string) => void;
};

/** How a process ended: by itself with a code, or by a signal. */
export type ProcessEnd = {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
};

/** A child process that is watched over from its start to its end. */
export type RunningProcess = {
  readonly name: string;
  readonly pid: number;
  /** Settles when the process is gone and its output is complete; never rejects. */
  readonly exited: Promise<ProcessEnd>;
  /** The last 200 lines of its output and errors, in the order in which they came. */
  output(): string;
  /**
   * The first line that matches, said already (among those kept) or still to come.
   *
   * @throws when the time is over or the process ends first, with its last output.
   */
  waitForLine(pattern: RegExp, timeoutMs?: number): Promise<string>;
  /**
   * Waits like {@link waitFor}.
   *
   * @throws also as soon as the process ends, with its last output.
   */
  waitUntil<T>(
    what: string,
    condition: () => Promise<T | undefined | false> | T | undefined | false,
    timeoutMs?: number,
  ): Promise<T>;
  /** Sends a signal to it and to the processes that it started itself; nothing if it is gone. */
  signal(name: NodeJS.Signals): void;
  /** Ends it and the processes that it started itself at once (SIGKILL). Settles when it is gone. */
  kill(): Promise<void>;
  /**
   * Sends a message over the channel and gives the next one that comes back. One question at a time.
   *
   * @throws when the time is over or the process ends first, with its last output.
   */
  ask(message: Serializable, timeoutMs: number): Promise<unknown>;
  /**
   * Ends the process: SIGTERM, also when it is frozen, and SIGKILL 5 s later. Settles when it is
   * gone; can be called at any time and any number of times.
   */
  stop(): Promise<void>;
};

/**
 * Starts a process that ends, at the latest, when this one exits.
 *
 * @throws when the command cannot be executed at all.
 */
export function startProcess(description: ProcessDescription): RunningProcess {
  const { name, command, args, env = process.env, cwd, ipc = false, onLine } = description;
  const child = spawn(command, args, {
    env: { ...env },
    cwd,
    stdio: ["ignore", "pipe", "pipe", ipc ? "ipc" : "ignore"],
    // A process group of its own. Ctrl-C in a terminal then reaches only this process, which stops
    // its children in order, and a child that starts others (`go run`) is ended together with them.
    detached: true,
  });
  // Node reports a failed start by an event as well, which nobody could be listening to yet.
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
    // A frozen process gets the signal only when it goes on.
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
      // "close" waits for whoever holds the other end of its output, which may be a grandchild.
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
