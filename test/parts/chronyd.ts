import { chown, mkdir, readFile, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { bringChronyd } from "./bring-chronyd.ts";
import { endWith, type Owner } from "./owner.ts";
import { progressToStandardError } from "./progress.ts";
import { runToEnd } from "./run-to-end.ts";
import { type RunningProcess, startProcess } from "./running-process.ts";
import { folderOf } from "./scratch-folder.ts";
import { waitFor } from "./wait-for.ts";

/** How to start a chronyd, without its time source. */
export type ChronydOptions = {
  /** The beginning of its folder's name, which distinguishes it in `ps`. Default: `ct`. */
  readonly name?: string;
  /** The directory of the command socket, which chronyd creates with mode 0750. Default: a new one. */
  readonly runFolder?: string;
  /**
   * The user that it runs as if root starts it. Default: `nobody`, because an agent that root starts drops its privileges,
   * and would get no answer from a chronyd of root.
   */
  readonly user?: string;
  /** The UDP port for commands at 127.0.0.1 and ::1. Default: none. */
  readonly commandPort?: number;
};

/** What to start. */
export type ChronydDescription = ChronydOptions & {
  /**
   * Lines of chrony.conf with the time source. It serves no time itself, unless one of them begins with `port`.
   */
  readonly configuration: readonly string[];
};

/** A real chronyd that does not change the machine's clock. */
export type Chronyd = {
  /** The path of its command socket. */
  readonly socketPath: string;
  /** For the agent's setting `CHRONY_ADDRESS`. */
  readonly address: string;
  /** The process. It is another one after a restart. */
  readonly process: RunningProcess;
  /**
   * The output of chronyc with these arguments.
   *
   * @throws when chronyd does not answer within 30 s
   */
  chronyc(...chronycArguments: string[]): Promise<string>;
  /**
   * Rows of fields, as printed by `chronyc -c`.
   *
   * @throws when chronyd does not answer within 30 s
   */
  query(...chronycArguments: string[]): Promise<string[][]>;
  /** Waits until it answers commands. */
  waitUntilAnswering(): Promise<void>;
  /**
   * Waits until it follows a source and knows the time to 10 ms. The first update alone is not enough, because the root
   * dispersion can be thousands of seconds then, and the last offset is the whole former error of the clock.
   */
  waitUntilSynchronised(timeoutMs?: number): Promise<void>;
  /** Freezes it (SIGSTOP): the socket stays, without an answer. */
  freeze(): Promise<void>;
  /** Continues it after {@link freeze}. */
  thaw(): Promise<void>;
  /** Ends it. It removes its socket. */
  stop(): Promise<void>;
  /** Restarts it, with another configuration if one is given. */
  restart(configuration?: readonly string[]): Promise<void>;
};

const TERMINATE_AGAIN_MS = 500;
const LOCAL_REFERENCE_ID = "7F7F0101";
const SETTLED_SECONDS = 0.01;

/**
 * Starts a chronyd as the calling user (as another one if that is root), and waits until it answers commands.
 */
export async function startChronyd(
  owner: Owner,
  description: ChronydDescription,
): Promise<Chronyd> {
  const { chronyd, chronyc } = await bringChronyd(progressToStandardError);
  const folder = await folderOf(owner, description.name);
  const {
    runFolder = join(folder, "run"),
    commandPort = 0,
    user = isRoot() ? "nobody" : userInfo().username,
  } = description;
  const configurationFile = join(folder, "chrony.conf");
  const socketPath = join(runFolder, "chronyd.sock");
  let { configuration } = description;

  async function run(): Promise<RunningProcess> {
    await mkdir(folder, { recursive: true });
    if (isRoot()) {
      // It creates its socket's folder here, and removes its pid file when it ends.
      const { uid, gid } = await idsOf(user);
      await chown(folder, uid, gid);
    }
    const lines = [
      ...configuration,
      ...(configuration.some((line) => line.startsWith("port ")) ? [] : ["port 0"]),
      `cmdport ${commandPort}`,
      `bindcmdaddress ${socketPath}`,
      `pidfile ${join(folder, "chronyd.pid")}`,
    ];
    await writeFile(configurationFile, `${lines.join("\n")}\n`);
    return startProcess({
      name: "chronyd",
      command: chronyd,
      // -x does not change the clock, -U allows any user, -d stays in the foreground and logs to standard error.
      // Without -u it would become the package's user, who owns neither folder.
      args: ["-x", "-U", "-d", "-u", user, "-f", configurationFile],
    });
  }

  let running = await run();

  function runChronyc(...chronycArguments: string[]): Promise<string> {
    return runToEnd({
      name: `chronyc ${chronycArguments.join(" ")}`,
      command: chronyc,
      // -n: no look-up of names, so that no packet leaves the machine.
      args: ["-h", socketPath, "-n", ...chronycArguments],
      timeoutMs: 30_000,
    });
  }

  async function query(...chronycArguments: string[]): Promise<string[][]> {
    const output = await runChronyc("-c", ...chronycArguments);
    const rows = output.split("\n").filter((line) => line !== "");
    return rows.map((row) => row.split(","));
  }

  async function stop(): Promise<void> {
    // chronyd misses a SIGTERM that arrives just before it waits for its next event (seen in one of 300 stops).
    // Another one then is such an event.
    const again = setInterval(() => running.signal("SIGTERM"), TERMINATE_AGAIN_MS);
    await running.stop();
    clearInterval(again);
  }

  async function waitForRunState(isFrozen: boolean): Promise<void> {
    await waitFor(`chronyd to ${isFrozen ? "freeze" : "thaw"}`, async () => {
      const status = await readFile(`/proc/${running.pid}/status`, "utf8");
      return /^State:\s+T/m.test(status) === isFrozen;
    });
  }

  async function waitUntilAnswering(): Promise<void> {
    await running.waitUntil("chronyd to answer", () => query("activity"));
  }

  endWith(owner, stop);
  await waitUntilAnswering();
  return {
    socketPath,
    address: `unix://${socketPath}`,
    get process() {
      return running;
    },
    chronyc: runChronyc,
    query,
    waitUntilAnswering,
    async waitUntilSynchronised(timeoutMs) {
      await running.waitUntil(
        "chronyd to synchronise",
        async () => {
          const [row] = await query("tracking");
          return row !== undefined && isSynchronised(row);
        },
        timeoutMs,
      );
    },
    async freeze() {
      running.signal("SIGSTOP");
      await waitForRunState(true);
    },
    async thaw() {
      running.signal("SIGCONT");
      await waitForRunState(false);
    },
    stop,
    async restart(newConfiguration) {
      await stop();
      configuration = newConfiguration ?? configuration;
      running = await run();
    },
  };
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

async function idsOf(user: string): Promise<{ uid: number; gid: number }> {
  const id = async (option: string) =>
    Number(
      await runToEnd({
        name: `id ${option} ${user}`,
        command: "id",
        args: [option, user],
        timeoutMs: 30_000,
      }),
    );
  return { uid: await id("-u"), gid: await id("-g") };
}

/** @param tracking a row of `chronyc -c tracking` */
function isSynchronised(tracking: readonly string[]): boolean {
  const referenceId = tracking[0];
  const lastOffsetSeconds = Number(tracking[5]);
  const rootDispersionSeconds = Number(tracking[11]);
  const leapStatus = tracking[13];
  return (
    referenceId !== LOCAL_REFERENCE_ID &&
    leapStatus === "Normal" &&
    Math.abs(lastOffsetSeconds) < SETTLED_SECONDS &&
    rootDispersionSeconds < SETTLED_SECONDS
  );
}
