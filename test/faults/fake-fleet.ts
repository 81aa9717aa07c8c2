import { Agent, request } from "node:http";
import { isDeepStrictEqual } from "node:util";
import { gzipSync } from "node:zlib";
import { METRICS } from "../../src/metrics/catalogue.ts";
import { encodeAttributes, nodeResource } from "../otel-collector/otlp.ts";
import { endWith, type Owner } from "../parts/owner.ts";

/** A collection of an agent at its defaults. */
const SERIES = 44;
/** The timeout of an agent. */
const PUSH_TIMEOUT_MS = 20_000;
const SECOND_MS = 1_000;

/** What to start. */
export type FleetDescription = {
  /** The address of the next push. */
  readonly otlpUrl: () => string;
  /** Whether each push has its own connection, as an agent's; else connections are reused. */
  readonly connects?: boolean;
  readonly senders: number;
  /** Pushes a second of all senders. */
  readonly pushesPerSecond: number;
  /** A token for a node. */
  readonly token: (node: string) => Promise<string>;
};

/** The most pushes of a sender at once, which limits the load on a slow machine. */
const AT_ONCE = 1;
/** After this many answered failures an agent sends its oldest collection alone. */
const FAILURES_IN_DOUBT = 3;

/** Senders, each of which represents several agents: it keeps and retries what was not accepted. */
export type FakeFleet = {
  readonly nodes: readonly string[];
  /** Gives each sender a backlog of collections, 30 s apart, the newest of now. */
  addBacklog(collections: number): void;
  /** Sets the most pushes of a sender at once: the number of agents that it represents. */
  pushAtOnce(pushes: number): void;
  /** The number of answers by status since the last call; 0 is no answer. */
  answers(): Readonly<Record<number, number>>;
  /** The durations of answered pushes since the last call, in milliseconds. */
  durationsMs(): readonly number[];
  /** The number of collections in all backlogs. */
  waiting(): number;
  /** The number of collections that each sender made, by its name. */
  made(): ReadonlyMap<string, number>;
  /** Makes no more collections. Backlogs are still sent. */
  makeNoMore(): void;
};

type Sender = {
  readonly node: string;
  readonly token: string;
  readonly waiting: Set<number>;
  readonly made: Set<number>;
  underWay: number;
  /** The most collections in a request. */
  most: number;
  /** The number of answered failures since the last accepted push. */
  failures: number;
  /** The last request, which an agent repeats. */
  last: { readonly timesMs: readonly number[]; readonly body: Buffer } | undefined;
};

/**
 * Starts the senders. In turn, each adds a collection of now and pushes its backlog, unless too many of its pushes are
 * under way. They do the same as src/push: oldest first, the next request as soon as one is accepted, half as much after
 * a timeout, and the oldest alone after three answered failures.
 */
export async function startFakeFleet(
  owner: Owner,
  { otlpUrl, connects = false, senders: count, pushesPerSecond, token }: FleetDescription,
): Promise<FakeFleet> {
  const agent = new Agent({ keepAlive: !connects });
  const senders = await Promise.all(
    Array.from({ length: count }, async (_, index): Promise<Sender> => {
      const node = `fleet-${index}`;
      return {
        node,
        token: await token(node),
        waiting: new Set(),
        made: new Set(),
        underWay: 0,
        most: Number.POSITIVE_INFINITY,
        failures: 0,
        last: undefined,
      };
    }),
  );
  const answers = new Map<number, number>();
  let durationsMs: number[] = [];
  let isRunning = true;
  let makes = true;
  let atOnce = AT_ONCE;
  let turn = 0;
  let due = 0;
  let lastMs = performance.now();

  const sending = setInterval(() => {
    const nowMs = performance.now();
    due += ((nowMs - lastMs) / SECOND_MS) * pushesPerSecond;
    lastMs = nowMs;
    for (; due >= 1; due -= 1) {
      const sender = senders[turn % count];
      turn += 1;
      if (sender !== undefined && sender.underWay < atOnce) {
        push(sender);
      }
    }
  }, 5);

  function push(sender: Sender): void {
    // With a large backlog, new collections are not the load.
    if (makes && sender.waiting.size < 5) {
      add(sender, Date.now());
    }
    send(sender);
  }

  function send(sender: Sender): void {
    const sent = [...sender.waiting].toSorted((one, other) => one - other).slice(0, sender.most);
    if (sent.length === 0) {
      return;
    }
    const body = bodyOf(sender, sent);
    let status = 0;
    sender.underWay += 1;
    const beganMs = performance.now();
    const pushing = request(
      `${otlpUrl()}/v1/metrics`,
      {
        method: "POST",
        agent,
        headers: {
          "content-type": "application/json",
          "content-encoding": "gzip",
          authorization: `Bearer ${sender.token}`,
          "x-chrony-tracker-sent-us": String(Date.now() * 1_000),
        },
        timeout: PUSH_TIMEOUT_MS,
      },
      (response) => {
        status = response.statusCode ?? 0;
        response.resume();
      },
    );
    pushing.once("timeout", () => pushing.destroy());
    pushing.on("error", () => undefined);
    pushing.once("close", () => {
      sender.underWay -= 1;
      if (status !== 0) {
        durationsMs.push(performance.now() - beganMs);
      }
      answers.set(status, (answers.get(status) ?? 0) + 1);
      settle(sender, sent, status);
    });
    pushing.end(body);
  }

  function settle(sender: Sender, sent: readonly number[], status: number): void {
    if (status === 200) {
      for (const timeMs of sent) {
        sender.waiting.delete(timeMs);
      }
      sender.failures = 0;
      sender.most = 2 * Math.max(sender.most, sent.length);
      if (sender.underWay < atOnce && isRunning) {
        send(sender);
      }
    } else if (status === 0) {
      sender.most = Math.ceil(sent.length / 2);
    } else {
      sender.failures += 1;
      // Each of the agents that it represents counts its own.
      if (sender.failures >= FAILURES_IN_DOUBT * atOnce) {
        sender.most = 1;
      }
    }
  }

  endWith(owner, () => {
    isRunning = false;
    clearInterval(sending);
    agent.destroy();
  });
  return {
    nodes: senders.map(({ node }) => node),
    addBacklog(collections) {
      const nowMs = Date.now();
      for (const sender of senders) {
        for (let index = 0; index < collections; index += 1) {
          add(sender, nowMs - index * 30 * SECOND_MS);
        }
      }
    },
    answers() {
      const seen = Object.fromEntries(answers);
      answers.clear();
      return seen;
    },
    durationsMs() {
      const seen = durationsMs;
      durationsMs = [];
      return seen;
    },
    pushAtOnce(pushes) {
      atOnce = pushes;
    },
    waiting: () => senders.reduce((sum, { waiting }) => sum + waiting.size, 0),
    made: () => new Map(senders.map(({ node, made }) => [node, made.size])),
    makeNoMore() {
      makes = false;
    },
  };
}

function add(sender: Sender, timeMs: number): void {
  // A time of the backlog can be that of an earlier collection, and a second value would be the same sample.
  if (!sender.made.has(timeMs)) {
    sender.waiting.add(timeMs);
    sender.made.add(timeMs);
  }
}

/** The collections of these times as one request, with several points per series. */
function bodyOf(sender: Sender, timesMs: readonly number[]): Buffer {
  const { node, last } = sender;
  if (last !== undefined && isDeepStrictEqual(last.timesMs, timesMs)) {
    return last.body;
  }
  const dataPoints = timesMs.map((timeMs) => ({
    startTimeUnixNano: `${timeMs}000000`,
    timeUnixNano: `${timeMs}000000`,
    asDouble: 0.123456789,
    attributes: [],
  }));
  const metrics = METRICS.slice(0, SERIES).map(({ name }) => ({ name, gauge: { dataPoints } }));
  const body = gzipSync(
    JSON.stringify({
      resourceMetrics: [
        {
          resource: { attributes: encodeAttributes(nodeResource(node)) },
          scopeMetrics: [{ metrics }],
        },
      ],
    }),
    { level: 1 },
  );
  sender.last = { timesMs, body };
  return body;
}
