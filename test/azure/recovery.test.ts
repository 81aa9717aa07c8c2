// The way to an Azure Monitor workspace, and back to it after each of Azure's refusals: real chronyd,
// the real agent, the real collector (the version of builder.yaml) with the shipped configuration and
// the real azureauth. Azure is a fake; what it accepts is asked for in PromQL. Loss over
// outages is not looked at here.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { get, scrape } from "../agent/scrape.ts";
import { CLUSTER } from "../parts/collector.ts";
import { NODE } from "../parts/path.ts";
import { type AzurePath, cannotRun, startAzurePath } from "./azure-path.ts";
import { startFakeEgressProxy } from "./fake-egress-proxy.ts";
import type { FederatedCredential } from "./fake-token-endpoint.ts";
import type { Fault } from "./faults.ts";

const HOUR_MS = 3_600_000;
const PATIENCE_MS = 30_000;
/** A collector renews a token five minutes before its end: this one after two seconds. */
const SHORTEST_LIFETIME_SECONDS = 302;

/** Settles when this many writes, beyond those before the call, were answered so. */
async function writesAnswered(path: AzurePath, status: number, count: number): Promise<void> {
  const { host } = path.azure.dataCollection;
  await requestsAnswered(path, host, status, count);
}

/** Settles when this many requests for a token, beyond those before the call, were answered so. */
async function tokensAnswered(path: AzurePath, status: number, count: number): Promise<void> {
  await requestsAnswered(path, path.azure.tenant.host, status, count);
}

async function requestsAnswered(
  path: AzurePath,
  host: string,
  status: number,
  count: number,
): Promise<void> {
  const so = () =>
    path.azure.requests.filter((request) => request.host === host && request.status === status);
  const before = so().length;
  await path.agent.process.waitUntil(
    `${count} times ${status} from ${host}`,
    () => so().length >= before + count,
    PATIENCE_MS,
  );
}

/**
 * Settles when the agent's page says this of its last push. Its log tells only the first cause, which
 * on a busy machine may be a push that took too long.
 */
async function agentShows(path: AzurePath, pattern: RegExp): Promise<void> {
  await path.agent.process.waitUntil(
    `the agent's page to show ${pattern}`,
    async () => pattern.test((await get(path.agent, "/")).body),
    PATIENCE_MS,
  );
}

/** Settles when an error of the collector's log says this. */
async function collectorTells(path: AzurePath, pattern: RegExp): Promise<void> {
  await path.agent.process.waitUntil(
    `the collector's log to say ${pattern}`,
    () =>
      path.collectorErrors().some(({ status = "", detail }) => pattern.test(`${status} ${detail}`)),
    PATIENCE_MS,
  );
}

/** Settles when the agent's log reports that pushes fail. */
async function agentReportsFailure(path: AzurePath): Promise<void> {
  await path.agent.process.waitForLine(/"warn".*The collector at/, PATIENCE_MS);
}

function writeStatuses({ azure }: AzurePath): Set<number> {
  const writes = azure.requests.filter(({ host }) => host === azure.dataCollection.host);
  return new Set(writes.map(({ status }) => status));
}

describe("from the agent to an Azure Monitor workspace", { skip: cannotRun }, () => {
  test("the first value arrives with the first push, under the design's labels", async (t) => {
    const path = await startAzurePath(t, { agent: { OTEL_METRIC_EXPORT_INTERVAL: "20000" } });
    await path.agent.process.waitUntil(
      "the first value in the workspace",
      async () => (await path.history("chrony_clock_error_ms", "push")).length > 0,
      PATIENCE_MS,
    );

    const [error] = await path.prometheus.query("chrony_clock_error_ms");
    assert.deepEqual(error?.labels, {
      __name__: "chrony_clock_error_ms",
      cluster: CLUSTER,
      instance: NODE,
      job: "chrony-tracker",
      k8s_namespace_name: "chrony-tracker",
      k8s_node_name: NODE,
    });
    assert.deepEqual(writeStatuses(path), new Set([200]));
    assert.deepEqual(path.azure.dropped, []);
    assert.equal(await path.exports("failure"), 0);
    assert.deepEqual(
      path.agent.logs().filter(({ level }) => level !== "info"),
      [],
    );
    assert.deepEqual(path.collectorErrors(), []);
  });

  test("the token is renewed before it ends, so that no write is refused", async (t) => {
    const path = await startAzurePath(t, {
      prepare: ({ tenant }) => {
        tenant.tokenLifetimeSeconds = SHORTEST_LIFETIME_SECONDS;
      },
    });
    const tokensSoFar = () =>
      path.azure.requests.filter(({ path: asked }) => asked.endsWith("/oauth2/v2.0/token")).length;
    await path.agent.process.waitUntil("a third token", () => tokensSoFar() >= 3, PATIENCE_MS);
    await path.waitForFreshValue();

    assert.deepEqual(writeStatuses(path), new Set([200]));
  });

  test("a token that Azure no longer accepts is 401 until it is renewed", async (t) => {
    const path = await startAzurePath(t, {
      prepare: ({ tenant }) => {
        tenant.tokenLifetimeSeconds = SHORTEST_LIFETIME_SECONDS;
      },
    });
    await path.waitForFreshValue();
    path.azure.revokeTokens();
    await writesAnswered(path, 401, 1);
    await path.waitForFreshValue();

    await collectorTells(path, /^401 .*The token is not valid/);
    await agentReportsFailure(path);
  });

  test("a role that is missing is 403 for long (half an hour on Azure, 20 pushes here), and nothing is needed once it is given", async (t) => {
    const path = await startAzurePath(t, {
      prepare: ({ dataCollection }) => {
        dataCollection.publishers = [];
      },
    });
    await writesAnswered(path, 403, 20);
    assert.deepEqual(await path.prometheus.query('{__name__=~"chrony.*"}'), []);
    await collectorTells(
      path,
      /^403 .*does not have access to ingest data for the data collection rule with immutable Id 'dcr-/,
    );
    await agentShows(path, /answered 500 .*it or its backend rejects the data/);
    assert.ok((await path.exports("failure")) >= 20);
    assert.equal(await path.exports("success"), 0);

    path.azure.dataCollection.publishers = [path.azure.tenant.clientId];
    await path.waitForFreshValue();
    await agentReportsFailure(path);
  });

  test("a federated credential that Entra ID does not know yet is asked for again and again", async (t) => {
    let credential: FederatedCredential | undefined;
    const path = await startAzurePath(t, {
      prepare: ({ tenant }) => {
        credential = tenant.federatedCredential;
        tenant.federatedCredential = undefined;
      },
    });
    await tokensAnswered(path, 401, 3);
    assert.deepEqual(await path.prometheus.query('{__name__=~"chrony.*"}'), []);
    await collectorTells(path, /failed to get token.*AADSTS70025/s);
    await agentShows(path, /answered 503 .*its backend is away; the agent goes on trying/);

    path.azure.tenant.federatedCredential = credential;
    await path.waitForFreshValue();
    await agentReportsFailure(path);
  });

  test("too many requests in a minute are 429: the agent is told to come again", async (t) => {
    const path = await startAzurePath(t);
    await path.waitForFreshValue();
    const { dataCollection } = path.azure;
    const usual = dataCollection.requestsPerMinute;
    dataCollection.requestsPerMinute = 0;
    await writesAnswered(path, 429, 3);
    await agentShows(path, /answered 503 .*it is busy, or its backend is away/);
    await collectorTells(path, /^429 .*TooManyRequests/);

    dataCollection.requestsPerMinute = usual;
    await path.waitForFreshValue();
    await agentReportsFailure(path);
  });

  const phases: readonly (readonly [Fault, RegExp])[] = [
    [503, /answered 503 .*it is busy, or its backend is away/],
    [422, /answered 500 .*it or its backend rejects the data/],
  ];
  for (const [fault, agentLog] of phases) {
    test(`a phase of ${fault} ends by itself`, async (t) => {
      const path = await startAzurePath(t);
      await path.waitForFreshValue();
      path.azure.failWrites(fault);
      await writesAnswered(path, Number(fault), 3);
      await agentShows(path, agentLog);
      await collectorTells(path, new RegExp(`^${fault} .*StandInFault`));
      assert.ok((await path.exports("failure")) > 0);

      path.azure.failWrites();
      await path.waitForFreshValue();
      await agentReportsFailure(path);
    });
  }

  test("silence of the endpoint, and of Entra ID, ends by itself", async (t) => {
    const path = await startAzurePath(t, { prepare: (azure) => azure.failTokens("silence") });
    await tokensAnswered(path, 0, 1);
    await agentShows(path, /did not answer within 500 ms/);
    path.azure.failTokens();
    await path.waitForFreshValue();

    path.azure.failWrites("silence");
    await writesAnswered(path, 0, 2);
    path.azure.failWrites();
    await path.waitForFreshValue();
    await agentReportsFailure(path);
  });

  for (const [scope, expected] of [
    // A token can be had for it, and it is the wrong one.
    ["https://management.azure.com/.default", /audience is https:\/\/management\.azure\.com, not/],
    // Of another cloud.
    ["https://monitor.azure.us/.default", /failed to get token.*AADSTS500011/s],
    ["https://monitor.azure.com", /failed to get token.*AADSTS1002012/s],
  ] as const) {
    test(`the wrong scope ${scope} is in the collector's log, and right again after a restart`, async (t) => {
      const path = await startAzurePath(t, { collector: { AZURE_SCOPE: scope } });
      await collectorTells(path, expected);
      assert.deepEqual(await path.prometheus.query('{__name__=~"chrony.*"}'), []);
      await agentShows(path, /answered 50[03]/);

      await path.restartCollector({});
      await path.waitForFreshValue();
      await agentReportsFailure(path);
    });
  }

  test("a node whose clock is hours off keeps its place in time, where Azure would drop it", async (t) => {
    const path = await startAzurePath(t);
    await path.waitForFreshValue();
    const beganSeconds = Date.now() / 1_000 - 60;
    for (const shiftMs of [3 * HOUR_MS, -2 * HOUR_MS]) {
      await path.agent.shiftWallClock(shiftMs);
      await path.waitForFreshValue();
      await path.agent.process.waitUntil("the offset in the workspace", async () => {
        const [offset] = await path.prometheus.query("chrony_collector_offset_seconds");
        return offset !== undefined && Math.abs(offset.value + shiftMs / 1_000) < 5;
      });
    }
    await path.agent.shiftWallClock(0);
    await path.agent.process.waitUntil("three steps to be seen", async () => {
      return (await scrape(path.agent)).value("chrony_clock_steps_total") === 3;
    });
    await path.waitForFreshValue();

    const reasons = new Set(path.azure.dropped.map(({ reason }) => reason));
    assert.ok(!reasons.has("too old") && !reasons.has("too far ahead"), [...reasons].join());
    const endSeconds = Date.now() / 1_000 + 2;
    for (const { timestampSeconds } of await path.history("chrony_clock_error_ms", "push")) {
      assert.ok(
        timestampSeconds > beganSeconds && timestampSeconds < endSeconds,
        `${timestampSeconds}`,
      );
    }
  });

  test("Azure for a government needs its scope alone: AKS names the authority", async (t) => {
    const path = await startAzurePath(t, {
      cloud: "usGovernment",
      collector: { AZURE_SCOPE: "https://monitor.azure.us/.default" },
    });
    await path.waitForFreshValue();
    assert.ok(path.azure.requests.some(({ host }) => host === "login.microsoftonline.us"));
  });

  test("an egress proxy carries all that leaves for Azure", async (t) => {
    const path = await startAzurePath(t);
    const proxy = await startFakeEgressProxy(t, path.azure.address);
    await path.restartCollector({ HTTPS_PROXY: proxy.url });
    await path.waitForFreshValue();
    const { tenant, dataCollection } = path.azure;
    assert.deepEqual(
      new Set(proxy.asked),
      new Set([`${tenant.host}:443`, `${dataCollection.host}:443`]),
    );
  });
});
