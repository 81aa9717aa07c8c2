/**
 * Records what real chronyds report of healthy and dead sources that are polled every 16 s to 17 minutes, for
 * test/clock/recorded-polls.test.ts, which replays it. It takes more than an hour:
 *
 *     node tools/record-polls.ts FOLDER [MINUTES]
 *
 * It writes a file for each case to FOLDER. The first line has the configuration and the events. Each other line
 * is a poll of chronyd: the monotonic clock and the wall clock in milliseconds, the reply to TRACKING, and
 * the replies to SOURCE_DATA (base64). chronyd is polled once a second; the file has the polls before and
 * after each change, and one every 90 s.
 */
import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { answers, decodeReply, encodeRequest, type Report } from "../src/chrony/packet.ts";
import type { PacketSocket } from "../src/chrony/packet-socket.ts";
import { sourceData } from "../src/chrony/source-data.ts";
import { tracking } from "../src/chrony/tracking.ts";
import { udpSocket } from "../src/chrony/udp.ts";
import { type Chronyd, startChronyd } from "../test/parts/chronyd.ts";
import { freeUdpPort } from "../test/parts/free-port.ts";
import { Scope } from "../test/parts/owner.ts";
import { startReferenceClock } from "../test/parts/reference-clock.ts";

const MINUTE_MS = 60_000;
const SPARSE_MS = 90_000;
const ANSWER_MS = 900;

/** A chronyd, its sources, and what happens to them. */
type Case = {
  readonly name: string;
  /** The number of its own servers; `shared`: the server that all such cases use. */
  readonly servers: "shared" | 1 | 2 | "reference clock";
  /** The options of its `server` or `refclock` line. */
  readonly options: string;
  readonly minutes: number;
  /** In minutes from the start. */
  readonly events: readonly {
    readonly at: number;
    readonly act: "stop" | "start" | "offline" | "online" | "burst";
  }[];
};

const CASES: readonly Case[] = [
  {
    name: "healthy-6",
    servers: "shared",
    options: "iburst minpoll 6 maxpoll 6",
    minutes: 25,
    events: [],
  },
  {
    name: "healthy-8",
    servers: "shared",
    options: "iburst minpoll 8 maxpoll 8",
    minutes: 75,
    events: [],
  },
  {
    name: "healthy-10",
    servers: "shared",
    options: "iburst minpoll 10 maxpoll 10",
    minutes: 75,
    events: [],
  },
  { name: "healthy-default", servers: "shared", options: "iburst", minutes: 75, events: [] },
  {
    name: "healthy-filter-20",
    servers: "shared",
    options: "iburst minpoll 6 maxpoll 6 filter 20",
    minutes: 75,
    events: [],
  },
  {
    name: "healthy-reference-clock-8",
    servers: "reference clock",
    options: "poll 8 filter 64",
    minutes: 50,
    events: [],
  },
  {
    name: "burst-10",
    servers: "shared",
    options: "iburst minpoll 10 maxpoll 10",
    minutes: 60,
    events: [{ at: 22, act: "burst" }],
  },
  {
    name: "offline-8",
    servers: "shared",
    options: "iburst minpoll 8 maxpoll 8",
    minutes: 50,
    events: [
      { at: 12, act: "offline" },
      { at: 13, act: "online" },
    ],
  },
  {
    name: "dead-6",
    servers: 1,
    options: "iburst minpoll 6 maxpoll 6",
    minutes: 22,
    events: [{ at: 6, act: "stop" }],
  },
  {
    name: "dead-8",
    servers: 1,
    options: "iburst minpoll 8 maxpoll 8",
    minutes: 62,
    events: [{ at: 17, act: "stop" }],
  },
  {
    name: "dead-10",
    servers: 1,
    options: "iburst minpoll 10 maxpoll 10",
    minutes: 75,
    events: [{ at: 1, act: "stop" }],
  },
  {
    name: "dead-after-outage-6",
    servers: 1,
    options: "iburst minpoll 6 maxpoll 6",
    minutes: 50,
    events: [
      { at: 5, act: "stop" },
      { at: 30, act: "start" },
      { at: 32.5, act: "stop" },
    ],
  },
  {
    name: "dead-of-two-6",
    servers: 2,
    options: "iburst minpoll 6 maxpoll 6",
    minutes: 30,
    events: [{ at: 6, act: "stop" }],
  },
  {
    name: "dead-filter-5",
    servers: 1,
    options: "iburst minpoll 6 maxpoll 6 filter 5",
    minutes: 45,
    events: [{ at: 22, act: "stop" }],
  },
];

type Server = {
  readonly address: string;
  readonly port: number;
  stop(): Promise<void>;
  start(): Promise<void>;
};

const CLOCK_OF_SERVER = { poll: 0, filter: 4 };

async function startServer(address = "127.0.0.1"): Promise<Server> {
  const clock = await startReferenceClock(scope, CLOCK_OF_SERVER);
  const port = await freeUdpPort();
  const chronyd = await startChronyd(scope, {
    configuration: [
      clock.configuration,
      "allow 127.0.0.0/8",
      `bindaddress ${address}`,
      `port ${port}`,
    ],
  });
  await chronyd.waitUntilSynchronised();
  return { address, port, stop: () => chronyd.stop(), start: () => chronyd.restart() };
}

async function record({ name, servers, options, minutes, events }: Case): Promise<void> {
  const clock =
    servers === "reference clock" ? await startReferenceClock(scope, CLOCK_OF_SERVER) : undefined;
  const own = await Promise.all(
    Array.from({ length: typeof servers === "number" ? servers : 0 }, (_, index) =>
      startServer(`127.0.0.${index + 1}`),
    ),
  );
  const lines =
    clock === undefined
      ? (own.length === 0 ? [shared] : own).map(
          ({ address, port }) => `server ${address} port ${port} ${options}`,
        )
      : [clock.configuration.replace("poll 0 filter 4", options)];
  const commandPort = await freeUdpPort();
  const follower = await startChronyd(scope, { configuration: lines, commandPort });
  await follower.waitUntilAnswering();
  const file = join(folder as string, `${name}.jsonl`);
  writeFileSync(file, `${JSON.stringify({ chronyd: lines, events })}\n`);

  const startMs = performance.now();
  const end = Math.min(minutes * MINUTE_MS, longestMs);
  const questions = await Questions.to(commandPort);
  const toCome = [...events];
  let before: { line: string; what: string; writtenMs: number } | undefined;
  let pending: string | undefined;
  for (;;) {
    const nowMs = performance.now() - startMs;
    if (nowMs > end) {
      break;
    }
    const next = toCome[0];
    if (next !== undefined && nowMs >= next.at * MINUTE_MS) {
      toCome.shift();
      await happen(next.act, own, follower);
    }
    const poll = await questions.poll(lines.length);
    if (poll !== undefined) {
      const due = before === undefined || nowMs - before.writtenMs >= SPARSE_MS;
      if (before === undefined || poll.what !== before.what || due) {
        const both = [pending, poll.line].filter((line) => line !== undefined);
        appendFileSync(file, both.map((line) => `${line}\n`).join(""));
        before = { ...poll, writtenMs: nowMs };
        pending = undefined;
      } else {
        pending = poll.line;
      }
    }
    await sleep(1000 - ((performance.now() - startMs) % 1000));
  }
  questions.close();
  process.stderr.write(`${name} is recorded.\n`);
}

async function happen(act: string, own: readonly Server[], follower: Chronyd): Promise<void> {
  switch (act) {
    case "stop":
      await (await followed(own, follower)).stop();
      break;
    case "start":
      await Promise.all(own.map((server) => server.start()));
      break;
    default:
      await follower.chronyc(...(act === "burst" ? ["burst", "4/4"] : [act]));
  }
}

/** The server that chronyd follows. */
async function followed(own: readonly Server[], follower: Chronyd): Promise<Server> {
  const rows = await follower.query("sources");
  const address = rows.find(([, state]) => state === "*")?.[2];
  const server = own.find((one) => one.address === address);
  if (server === undefined) {
    throw new Error(`chronyd follows none of its servers: ${JSON.stringify(rows)}`);
  }
  return server;
}

/** Polls chronyd over UDP, because a socket file would have to belong to chronyd's user. */
class Questions {
  #socket: PacketSocket | undefined;
  #received: (packet: Uint8Array) => void = () => {};

  static async to(port: number): Promise<Questions> {
    const questions = new Questions();
    const socket = await udpSocket(
      "127.0.0.1",
      port,
    )({
      received: (packet) => {
        questions.#received(packet);
        return true;
      },
      failed: () => {},
    });
    if (!socket.ok) {
      throw new Error(JSON.stringify(socket.error));
    }
    questions.#socket = socket.value;
    return questions;
  }

  /** A line of the file, and the part of it that counts as a change. */
  async poll(count: number): Promise<{ line: string; what: string } | undefined> {
    const reports: readonly Report<unknown>[] = [
      tracking,
      ...Array.from({ length: count }, (_, index) => sourceData(index)),
    ];
    const packets: Uint8Array[] = [];
    for (const report of reports) {
      const packet = await this.#ask(report);
      if (packet === undefined) {
        return undefined;
      }
      packets.push(packet);
    }
    const clocks = [Math.round(performance.now()), Date.now()];
    const [first, ...sources] = packets.map((packet) => Buffer.from(packet).toString("base64"));
    return {
      line: JSON.stringify([...clocks, first, sources]),
      what: packets.map((packet, index) => whatOf(reports[index], packet)).join(),
    };
  }

  async #ask(report: Report<unknown>): Promise<Uint8Array | undefined> {
    const sequence = Math.floor(Math.random() * 2 ** 32);
    const { promise, resolve } = Promise.withResolvers<Uint8Array | undefined>();
    this.#received = (packet) => {
      if (answers(packet, sequence)) {
        resolve(packet);
      }
    };
    const deadline = setTimeout(() => resolve(undefined), ANSWER_MS);
    this.#socket?.send(encodeRequest(report, 0, sequence));
    const packet = await promise;
    clearTimeout(deadline);
    return packet;
  }

  close(): void {
    this.#socket?.close();
  }
}

/** The fields of a reply that do not change with time alone. */
function whatOf(report: Report<unknown> | undefined, packet: Uint8Array): string {
  const decoded = report === undefined ? undefined : decodeReply(report, packet);
  if (decoded?.ok !== true) {
    return JSON.stringify(decoded);
  }
  const {
    rootDispersionSeconds: _,
    systemTimeOffsetSeconds: __,
    ...content
  } = decoded.value as Record<string, unknown>;
  const { latestMeasurement, ...rest } = content as {
    latestMeasurement?: { originalOffsetSeconds: number };
  };
  return JSON.stringify([rest, latestMeasurement?.originalOffsetSeconds]);
}

const [folder, minutesText = "75"] = process.argv.slice(2);
if (folder === undefined) {
  process.stderr.write("Say where to record: node tools/record-polls.ts FOLDER [MINUTES]\n");
  process.exit(2);
}
mkdirSync(folder, { recursive: true });
const longestMs = Number(minutesText) * MINUTE_MS;

const scope = new Scope();
const shared = await startServer();
await Promise.all(CASES.map((one) => record(one)));
await scope.end();
