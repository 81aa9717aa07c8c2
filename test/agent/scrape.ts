import type { Agent } from "../parts/agent.ts";
import { labelsOf, parseExposition, seriesValue } from "../parts/exposition.ts";

const REQUEST_MS = 30_000;

/** One scrape of an agent. */
export type Scrape = {
  /** The value of a series, by its name and its own labels. */
  readonly value: (name: string, labels?: Readonly<Record<string, string>>) => number | undefined;
  /** The state whose series is 1. */
  readonly state: string;
  /** The names of all metrics that have a series, in order. */
  readonly names: readonly string[];
  readonly text: string;
};

/**
 * Scrapes an agent once.
 * @throws when it does not answer 200
 */
export async function scrape(agent: Agent): Promise<Scrape> {
  const { status, body } = await get(agent, "/metrics");
  if (status !== 200) {
    throw new Error(`/metrics answered ${status}: ${body}`);
  }
  const samples = parseExposition(body);
  return {
    value: (name, labels) => seriesValue(samples, name, labels),
    state: labelsOf(samples, "chrony_sync_state")
      .map(({ state }) => state)
      .join(" and "),
    names: [...new Set(samples.map(({ name }) => name))],
    text: body,
  };
}

/** Scrapes until the agent has this state. */
export function scrapeInState(agent: Agent, state: string, timeoutMs?: number): Promise<Scrape> {
  return agent.process.waitUntil(
    `the state ${state}`,
    async () => {
      const seen = await scrape(agent);
      if (seen.state !== state) {
        throw new Error(`the state is ${seen.state}`);
      }
      return seen;
    },
    timeoutMs,
  );
}

/** Waits until the agent is ready, which is after its first push. */
export async function waitUntilReady(agent: Agent): Promise<void> {
  await agent.process.waitUntil("readiness", async () => {
    const { status, body } = await get(agent, "/readyz");
    return status === 200 || Promise.reject(new Error(body));
  });
}

/** Requests a path of an agent. */
export async function get(
  agent: Agent,
  path: string,
  method = "GET",
): Promise<{ status: number; headers: Headers; body: string }> {
  const response = await fetch(agent.pullUrl + path, {
    method,
    signal: AbortSignal.timeout(REQUEST_MS),
  });
  return { status: response.status, headers: response.headers, body: await response.text() };
}
