// The path to an Azure Monitor workspace, and its recovery after each of Azure's errors: a real chronyd, the real
// agent, the real collector (the version of builder.yaml) with the shipped configuration and the real azureauth. Azure
// is a fake; accepted samples are read by PromQL. Loss during outages is not tested here.

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
/** A collector renews a token five minutes before it expires, so this one after two seconds. */
const SHORTEST_LIFETIME_SECONDS = 302;

/** Waits until this many writes after the call had this answer. */
async function writesAnswered(path: AzurePath, status: number, count: number): Promise<void> {
  const { host } = path.azure.dataCollection;
  await requestsAnswered(path, host, status, count);
}

/** Waits until this many requests for a token after the call had this answer. */
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
 * Waits until the agent's page shows this about its last push. The log has only the first cause, which on a busy
 * machine may be a timeout.
 */
async function agentShows(path: AzurePath, pattern: RegExp): Promise<void> {
  await path.agent.process.waitUntil(
    `the agent's page to show ${pattern}`,
    async () => pattern.test((await get(path.agent, "/")).body),
    PATIENCE_MS,
  );
}

/** Waits for an error with this text in the collector's log. */
async function collectorTells(path: AzurePath, pattern: RegExp): Promise<void> {
  await path.agent.process.waitUntil(
    `the collector's log to say ${pattern}`,
    () =>
      path.collectorErrors().some(({ status = "", detail }) => pattern.test(`${status} ${detail}`)),
    PATIENCE_MS,
  );
}

/** Waits until the agent's log reports that pushes fail. */
async function agentReportsFailure(path: AzurePath): Promise<void> {
  await path.agent.process.waitForLine(/"warn".*The collector at/, PATIENCE_MS);
}

function writeStatuses({ azure }: AzurePath): Set<number> {
  const writes = azure.requests.filter(({ host }) => host === azure.dataCollection.host);
  return new Set(writes.map(({ status }) => status));
}

describe("from the agent to an Azure Monitor workspace", { skip: cannotRun }, () => {
  test("the first value arrives with the first push, with the designed labels", async (t) => {
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

  test("the token is renewed before it expires, so that no write is rejected", async (t) => {
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

  test("a missing role is 403 for long (half an hour on Azure, 20 pushes here), and pushes succeed once it is assigned", async (t) => {
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

  test("a federated credential that Entra ID does not know yet is retried", async (t) => {
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
    await agentShows(path, /answered 503 .*its backend is away; the agent retries/);

    path.azure.tenant.federatedCredential = credential;
    await path.waitForFreshValue();
    await agentReportsFailure(path);
  });

  test("too many requests in a minute are 429, which the agent retries", async (t) => {
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
    test(`pushes succeed after a phase of ${fault}`, async (t) => {
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

  test("pushes succeed after the endpoint, or Entra ID, did not answer", async (t) => {
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
    // It gives a token, but a wrong one.
    ["https://management.azure.com/.default", /audience is https:\/\/management\.azure\.com, not/],
    // The scope of another cloud.
    ["https://monitor.azure.us/.default", /failed to get token.*AADSTS500011/s],
    ["https://monitor.azure.com", /failed to get token.*AADSTS1002012/s],
  ] as const) {
    test(`the wrong scope ${scope} is in the collector's log, and can be corrected by a restart`, async (t) => {
      const path = await startAzurePath(t, { collector: { AZURE_SCOPE: scope } });
      await collectorTells(path, expected);
      assert.deepEqual(await path.prometheus.query('{__name__=~"chrony.*"}'), []);
      await agentShows(path, /answered 50[03]/);

      await path.restartCollector({});
      await path.waitForFreshValue();
      await agentReportsFailure(path);
    });
  }

  test("samples of a node whose clock is hours off get the correct time, because Azure would drop them", async (t) => {
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

  test("Azure for a government needs only its scope, because AKS sets the authority", async (t) => {
    const path = await startAzurePath(t, {
      cloud: "usGovernment",
      collector: { AZURE_SCOPE: "https://monitor.azure.us/.default" },
    });
    await path.waitForFreshValue();
    assert.ok(path.azure.requests.some(({ host }) => host === "login.microsoftonline.us"));
  });

  test("all requests to Azure go through an egress proxy", async (t) => {
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
