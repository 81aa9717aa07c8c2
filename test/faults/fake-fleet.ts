import { Agent, request } from "node:http";
import { isDeepStrictEqual } from "node:util";
import { gzipSync } from "node:zlib";
import { METRICS } from "../../src/metrics/catalogue.ts";
import { encodeAttributes, nodeResource } from "../otel-collector/otlp.ts";
import { endWith, type Owner } from "../parts/owner.ts";

/** A collection of an agent at its defaults. */
const SERIES = 44;
/** As long as an agent waits. */
const PUSH_TIMEOUT_MS = 20_000;
const SECOND_MS = 1_000;

/** What to start. */
export type FleetDescription = {
  /** Where the next push goes. */
  readonly otlpUrl: () => string;
  /** Whether each push has a connection of its own, as an agent's has; else connections are kept. */
  readonly connects?: boolean;
  readonly senders: number;
  /** Pushes a second of all together. */
  readonly pushesPerSecond: number;
  /** A token for a node. */
  readonly token: (node: string) => Promise<string>;
};

/** How many pushes of a sender are under way at once, at most. On a slow machine this bounds the load. */
const AT_ONCE = 1;
/** After so many answered failures an agent sends its oldest collection alone. */
const FAILURES_IN_DOUBT = 3;

/** Senders that stand in for many agents: each keeps what was not accepted, and sends it again. */
export type FakeFleet = {
  readonly nodes: readonly string[];
  /** Gives each sender collections that waited, 30 s apart, the newest of now. */
  addBacklog(collections: number): void;
  /** From now on each sender has so many pushes under way at once, at most: as many as agents it stands in for. */
  pushAtOnce(pushes: number): void;
  /** How many pushes were answered with which status since the last call; 0 is no answer. */
  answers(): Readonly<Record<number, number>>;
  /** How long each push that was answered took since the last call, in milliseconds. */
  durationsMs(): readonly number[];
  /** How many collections wait, of all senders. */
  waiting(): number;
  /** How many collections each sender made, by its name. */
  made(): ReadonlyMap<string, number>;
  /** Makes no further collections; what waits still goes. */
  makeNoMore(): void;
};

type Sender = {
  readonly node: string;
  readonly token: string;
  readonly waiting: Set<number>;
  readonly made: Set<number>;
  underWay: number;
  /** Collections of a request, at most. */
  most: number;
  /** Answered failures since a push was accepted. */
  failures: number;
  /** What was sent last: an agent sends the same again. */
  last: { readonly timesMs: readonly number[]; readonly body: Buffer } | undefined;
};

/**
 * Starts them. Whoever's turn it is adds a collection of now and pushes what waits, unless too many of
 * its pushes are under way. They do as src/push does: oldest first, the next request as soon as one
 * is accepted, half as much after one that timed out, and the oldest alone after three answered failures.
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
    // While much waits, a new collection is not what makes the load.
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
      // Each of the agents that it stands in for counts its own.
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
  // The backlog can hit a time of before: a second value there would be the same sample.
  if (!sender.made.has(timeMs)) {
    sender.waiting.add(timeMs);
    sender.made.add(timeMs);
  }
}

/** The collections of these times as one request, with several points a series. */
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
