// Pushes of the real exporter over real connections of this machine, to a fake collector
// (fake-collector.ts). What is waited for is the exporter's own pause between two attempts, about a
// second, and the limits of a push.

import assert from "node:assert/strict";
import { channel } from "node:diagnostics_channel";
import dns from "node:dns";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { gunzipSync } from "node:zlib";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { METRICS } from "../../src/metrics/catalogue.ts";
import { collect } from "../../src/metrics/collection.ts";
import { CollectorClock } from "../../src/push/collector-clock.ts";
import { exportOnce } from "../../src/push/otlp-export.ts";
import { describePushError, type PushError } from "../../src/push/push-error.ts";
import type { Result } from "../../src/result.ts";
import type { OtlpSettings } from "../../src/settings.ts";
import { readSystemClocks } from "../../src/system-clocks.ts";
import { VERSION } from "../../src/version.ts";
import { observation } from "../metrics/observations.ts";
import { createCertificateAuthority } from "../parts/certificate-authority.ts";
import { folderOf } from "../parts/scratch-folder.ts";
import {
  type Answer,
  accept,
  drip,
  FakeCollector,
  hangUp,
  keepSilent,
  refuse,
} from "./fake-collector.ts";

const METRICS_PATH = "/v1/metrics";
const SENT_HEADER = "x-chrony-tracker-sent-us";
/** Less than the exporter's pause between two attempts: there is one. */
const ONE_ATTEMPT_MS = 500;
/** More than the pause: there are two, and three at the most. */
const TWO_ATTEMPTS_MS = 3_000;
/** Ends the exporter's pause: a time that is over. */
const TRY_AGAIN_AT_ONCE = { "retry-after": new Date(0).toUTCString() };
/** When a push that hangs is cut off. */
const LIMIT_MS = 250;

/** What is left open would be waited for without end. */
const NO_HANGING_TEST = { timeout: 20_000 };

const collected = await collect(
  resourceFromAttributes({ "service.name": "chrony-tracker" }),
  METRICS,
  observation(),
);

/** Settings of a push to a port of this machine. */
function settingsFor(port: number, overrides: Partial<OtlpSettings> = {}): OtlpSettings {
  return {
    url: `http://127.0.0.1:${port}${METRICS_PATH}`,
    protocol: "http/json",
    compression: "none",
    headers: {},
    timeoutMs: ONE_ATTEMPT_MS,
    certificateFile: undefined,
    clientCertificateFile: undefined,
    clientKeyFile: undefined,
    tokenFile: undefined,
    ...overrides,
  };
}

async function startCollector(
  t: TestContext,
  ...answers: readonly [...Answer[], Answer]
): Promise<FakeCollector> {
  const collector = await FakeCollector.start(...answers);
  t.after(() => collector.stop());
  return collector;
}

function push(settings: OtlpSettings, limitMs = settings.timeoutMs) {
  return exportOnce(settings, collected, limitMs, readSystemClocks(), new CollectorClock());
}

function errorOf(result: Result<void, PushError>): PushError {
  assert.ok(!result.ok, "the push was accepted");
  return result.error;
}

describe("a push", () => {
  test("is a POST of OTLP/JSON", async (t) => {
    const collector = await startCollector(t, accept);
    assert.deepEqual(await push(settingsFor(collector.port)), { ok: true, value: undefined });
    const { method, path, headers, body } = collector.onlyAttempt;
    assert.equal(`${method} ${path}`, `POST ${METRICS_PATH}`);
    assert.equal(headers["content-type"], "application/json");
    assert.equal(headers["content-encoding"], undefined);
    assert.ok(headers["user-agent"]?.startsWith(`chrony-tracker/${VERSION} `));
    assert.ok(namesIn(body).includes("chrony_clock_error_ms"));
  });

  test("is protobuf where that is set", async (t) => {
    const collector = await startCollector(t, accept);
    assert.ok((await push(settingsFor(collector.port, { protocol: "http/protobuf" }))).ok);
    const { headers, body } = collector.onlyAttempt;
    assert.equal(headers["content-type"], "application/x-protobuf");
    assert.equal(body[0], 0x0a, "field 1, a message: resource_metrics");
    assert.ok(body.includes("chrony_clock_error_ms"));
  });

  for (const protocol of ["http/json", "http/protobuf"] as const) {
    test(`is compressed where that is set (${protocol})`, async (t) => {
      const collector = await startCollector(t, accept);
      const settings = settingsFor(collector.port, { protocol, compression: "gzip" });
      assert.ok((await push(settings)).ok);
      const { headers, body } = collector.onlyAttempt;
      assert.equal(headers["content-encoding"], "gzip");
      assert.ok(gunzipSync(body).includes("chrony_clock_error_ms"));
    });
  }

  test("carries the headers of the settings", async (t) => {
    const collector = await startCollector(t, accept);
    const headers = { "x-scope-orgid": "clocks", authorization: "Basic b25l" };
    assert.ok((await push(settingsFor(collector.port, { headers }))).ok);
    assert.equal(collector.onlyAttempt.headers["x-scope-orgid"], "clocks");
    assert.equal(collector.onlyAttempt.headers.authorization, "Basic b25l");
  });

  test("goes where a URL leads that is written in capitals", async (t) => {
    const collector = await startCollector(t, accept);
    const url = `HTTP://127.0.0.1:${collector.port}${METRICS_PATH}`;
    assert.ok((await push(settingsFor(collector.port, { url }))).ok);
  });

  test("leaves no connection and no watcher behind", NO_HANGING_TEST, async (t) => {
    const collector = await startCollector(t, accept);
    await push(settingsFor(collector.port));
    await collector.withoutConnections();
    assert.equal(channel("http.client.response.finish").hasSubscribers, false);
  });
});

describe("the token", () => {
  test("is read anew for each push: Kubernetes rotates it", async (t) => {
    const collector = await startCollector(t, accept);
    const tokenFile = join(await folderOf(t), "token");
    const settings = settingsFor(collector.port, { tokenFile });
    for (const token of ["first", "second\n"]) {
      await writeFile(tokenFile, token);
      assert.ok((await push(settings)).ok);
    }
    assert.deepEqual(
      collector.attempts.map(({ headers }) => headers.authorization),
      ["Bearer first", "Bearer second"],
    );
  });

  test("is read anew for each attempt of a push", async (t) => {
    const tokenFile = join(await folderOf(t), "token");
    await writeFile(tokenFile, "first");
    const refuseAndRotate: Answer = (response) => {
      void writeFile(tokenFile, "second").then(() => refuse(503, "", TRY_AGAIN_AT_ONCE)(response));
    };
    const collector = await startCollector(t, refuseAndRotate, accept);
    assert.ok((await push(settingsFor(collector.port, { tokenFile }))).ok);
    assert.deepEqual(
      collector.attempts.map(({ headers }) => headers.authorization),
      ["Bearer first", "Bearer second"],
    );
  });

  test("goes before an authorization among the settings' headers, however that is written", async (t) => {
    const collector = await startCollector(t, accept);
    const tokenFile = join(await folderOf(t), "token");
    await writeFile(tokenFile, "token");
    const headers = { Authorization: "Basic b25l" };
    assert.ok((await push(settingsFor(collector.port, { tokenFile, headers }))).ok);
    assert.equal(collector.onlyAttempt.headers.authorization, "Bearer token");
  });

  test("that is missing fails the push before anything is sent", async (t) => {
    const collector = await startCollector(t, accept);
    const tokenFile = join(await folderOf(t), "token");
    const error = errorOf(await push(settingsFor(collector.port, { tokenFile })));
    assert.ok(error.kind === "file unreadable");
    assert.equal(error.purpose, "collector's token");
    assert.equal(error.path, tokenFile);
    assert.match(error.detail, /ENOENT/);
    assert.equal(collector.attempts.length, 0);
  });

  const malformed: readonly (readonly [what: string, token: string])[] = [
    ["is empty", ""],
    ["is nothing but white space", " \n"],
    ["has two lines", "secret\nhost: evil"],
    ["has a space in it", "secret evil"],
    ["has a character that no header takes", "secrét"],
  ];
  for (const [what, token] of malformed) {
    test(`that ${what} fails the push before anything is sent, and is not told`, async (t) => {
      const collector = await startCollector(t, accept);
      const tokenFile = join(await folderOf(t), "token");
      await writeFile(tokenFile, token);
      const error = errorOf(await push(settingsFor(collector.port, { tokenFile })));
      assert.deepEqual(error, { kind: "token malformed", path: tokenFile });
      assert.doesNotMatch(describePushError(error), /secr|evil/);
      assert.equal(collector.attempts.length, 0);
    });
  }

  const failures = {
    "refuses it and quotes it": refuse(401, `no such token: ${"secret ".repeat(100)}`),
    "hangs up": hangUp,
    "keeps silent": keepSilent,
  };
  for (const [what, answer] of Object.entries(failures)) {
    test(`is in no error when the collector ${what}`, async (t) => {
      const collector = await startCollector(t, answer);
      const tokenFile = join(await folderOf(t), "token");
      await writeFile(tokenFile, "secret");
      const settings = settingsFor(collector.port, { tokenFile, timeoutMs: LIMIT_MS });
      const error = errorOf(await push(settings));
      assert.equal(collector.onlyAttempt.headers.authorization, "Bearer secret");
      assert.doesNotMatch(JSON.stringify(error) + describePushError(error), /secret/);
    });
  }
});

test("each attempt says when it was sent, in whole microseconds: 503, then 200", async (t) => {
  const collector = await startCollector(t, refuse(503), accept);
  const beforeUs = Date.now() * 1000;
  const result = await push(settingsFor(collector.port, { timeoutMs: TWO_ATTEMPTS_MS }));
  // The wall clock is read in whole milliseconds.
  const afterUs = (Date.now() + 1) * 1000;
  assert.ok(result.ok, "the second attempt was accepted");

  const sent = collector.attempts.map(({ headers }) => headers[SENT_HEADER]);
  assert.equal(sent.length, 2);
  for (const one of sent) {
    assert.match(String(one), /^\d{16}$/);
  }
  const [firstUs = 0, secondUs = 0] = sent.map(Number);
  assert.ok(beforeUs <= firstUs && firstUs < secondUs && secondUs <= afterUs, sent.join(", "));
  assert.deepEqual(collector.attempts[0]?.body, collector.attempts[1]?.body, "the same points");
});

describe("an answer that is no yes", () => {
  for (const status of [400, 401, 403, 404, 413, 500]) {
    test(`of ${status} ends the push, with the status and what the collector says`, async (t) => {
      const collector = await startCollector(t, refuse(status, "not like this\n"));
      const settings = settingsFor(collector.port, { timeoutMs: TWO_ATTEMPTS_MS });
      const error = errorOf(await push(settings));
      const { url } = settings;
      assert.deepEqual(error, { kind: "answered", url, status, detail: "not like this" });
      assert.equal(collector.attempts.length, 1, "it would be refused again");
    });
  }

  for (const status of [429, 502, 503, 504]) {
    test(`of ${status} to the last attempt that there is time for ends the push, too`, async (t) => {
      const collector = await startCollector(t, refuse(status, "away"));
      const settings = settingsFor(collector.port);
      const error = errorOf(await push(settings));
      assert.deepEqual(error, { kind: "answered", url: settings.url, status, detail: "" });
    });
  }

  test("that is a page and no message is told by its status alone", async (t) => {
    const collector = await startCollector(t, (response) => {
      response.writeHead(404).end("<html>Not found</html>");
    });
    const error = errorOf(await push(settingsFor(collector.port)));
    assert.ok(error.kind === "answered");
    assert.equal(error.detail, "");
  });

  test("that is very long or breaks lines is cut to a line for the log", async (t) => {
    const collector = await startCollector(t, refuse(400, `one\r\ntwo\u0007${"x".repeat(5_000)}`));
    const error = errorOf(await push(settingsFor(collector.port)));
    assert.ok(error.kind === "answered");
    assert.match(error.detail, /^one two x+$/);
    assert.equal(error.detail.length, 300);
  });
});

describe("a collector that is not there", () => {
  test("is told as not reached, with the reason", async () => {
    const collector = await FakeCollector.start(accept);
    const settings = settingsFor(collector.port);
    await collector.stop();
    const error = errorOf(await push(settings));
    assert.ok(error.kind === "not reached");
    assert.equal(error.url, settings.url);
    assert.match(error.detail, /ECONNREFUSED/);
  });

  test("any more, after it had refused an attempt, is not reached: the refusal is of before", async (t) => {
    const collector = await startCollector(t, refuse(503, "", TRY_AGAIN_AT_ONCE), hangUp);
    const error = errorOf(await push(settingsFor(collector.port)));
    assert.ok(error.kind === "not reached", error.kind);
    assert.equal(collector.attempts.length, 2);
  });

  test("does not borrow the answer that another push gets at the same time", async (t) => {
    const { promise: otherIsOver, resolve: endOther } = Promise.withResolvers<void>();
    const goesAway = await startCollector(t, (response) => {
      void otherIsOver.then(() => hangUp(response));
    });
    const refuses = await startCollector(t, refuse(400));
    const goneAway = push(settingsFor(goesAway.port));
    const refused = await push(settingsFor(refuses.port));
    endOther();
    assert.equal(errorOf(refused).kind, "answered");
    assert.equal(errorOf(await goneAway).kind, "not reached");
  });

  test("under a name with two addresses is told with a reason, too: Node.js gives a code alone", async (t) => {
    const collector = await FakeCollector.start(accept);
    const url = `http://two.example:${collector.port}${METRICS_PATH}`;
    const settings = settingsFor(collector.port, { url });
    await collector.stop();
    const addresses = ["127.0.0.1", "127.0.0.2"].map((address) => ({ address, family: 4 }));
    type Found = (error: null, found: readonly dns.LookupAddress[]) => void;
    t.mock.method(dns, "lookup", (_name: string, _options: unknown, found: Found) => {
      found(null, addresses);
    });
    const error = errorOf(await push(settings));
    assert.deepEqual(error, { kind: "not reached", url, detail: "ECONNREFUSED" });
  });
});

describe("a collector that hangs", NO_HANGING_TEST, () => {
  const ways = { "never answers": keepSilent, "drips bytes for ever": drip };
  for (const [what, answer] of Object.entries(ways)) {
    test(`and ${what} ends the push by the limit, and no connection stays`, async (t) => {
      const collector = await startCollector(t, answer);
      const settings = settingsFor(collector.port, { timeoutMs: LIMIT_MS });
      const { url } = settings;
      const error = errorOf(await push(settings));
      assert.deepEqual(error, { kind: "timed out", url, afterMs: LIMIT_MS });
      await collector.withoutConnections();
      assert.equal(channel("http.client.response.finish").hasSubscribers, false);
    });
  }

  test("longer than the exporter waits ends the push by that", async (t) => {
    const collector = await startCollector(t, keepSilent);
    const settings = settingsFor(collector.port, { timeoutMs: LIMIT_MS });
    const error = errorOf(await push(settings, 10 * LIMIT_MS));
    assert.deepEqual(error, { kind: "timed out", url: settings.url, afterMs: LIMIT_MS });
    await collector.withoutConnections();
  });

  test("gets no further attempt after the limit, though the exporter had one in mind", async (t) => {
    const retryAfterMs = 1_000;
    const collector = await startCollector(t, refuse(503, "", { "retry-after": "1" }), accept);
    const settings = settingsFor(collector.port, { timeoutMs: TWO_ATTEMPTS_MS });
    assert.equal(errorOf(await push(settings, LIMIT_MS)).kind, "timed out");
    // The exporter's timer was set before this one, and runs out before it.
    await sleep(retryAfterMs);
    assert.ok((await push(settings)).ok);
    assert.equal(collector.attempts.length, 2, "the one before the limit, and the one just now");
  });
});

describe("over TLS", () => {
  test("a replaced authority is followed by the next push", async (t) => {
    const folder = await folderOf(t);
    const [old, next] = [await makeIdentity(folder, "old"), await makeIdentity(folder, "next")];
    const collector = await FakeCollector.startTls(old, accept);
    t.after(() => collector.stop());
    const certificateFile = join(folder, "ca.crt");
    const settings = tlsSettings(collector, { certificateFile });

    await writeFile(certificateFile, old.authority);
    assert.ok((await push(settings)).ok, "before");
    collector.replaceIdentity(next);
    const error = errorOf(await push(settings));
    assert.ok(
      error.kind === "not reached",
      "the old authority does not do for the new certificate",
    );
    assert.match(error.detail, /certificate/);
    await writeFile(certificateFile, next.authority);
    assert.ok((await push(settings)).ok, "after");
    assert.equal(collector.attempts.length, 2);
    await collector.withoutConnections();
  });

  test("a collector of an unknown authority gets nothing", async (t) => {
    const collector = await FakeCollector.startTls(
      await makeIdentity(await folderOf(t), "unknown"),
      accept,
    );
    t.after(() => collector.stop());
    assert.equal(errorOf(await push(tlsSettings(collector, {}))).kind, "not reached");
    assert.equal(collector.attempts.length, 0);
  });

  test("the agent shows its own certificate where it has one", async (t) => {
    const folder = await folderOf(t);
    const [server, agent] = [
      await makeIdentity(folder, "server"),
      await makeIdentity(folder, "agent"),
    ];
    const collector = await FakeCollector.startTls({ ...server, ca: agent.authority }, accept);
    t.after(() => collector.stop());
    const certificateFile = server.authorityFile;
    assert.ok(!(await push(tlsSettings(collector, { certificateFile }))).ok, "without");
    const settings = tlsSettings(collector, {
      certificateFile,
      clientCertificateFile: agent.certFile,
      clientKeyFile: agent.keyFile,
    });
    assert.deepEqual(await push(settings), { ok: true, value: undefined });
  });

  test("a file that cannot be read is told by what it is for", async (t) => {
    const folder = await folderOf(t);
    const [missing, broken] = [join(folder, "missing.crt"), join(folder, "broken.crt")];
    await writeFile(broken, "no certificate");
    const collector = await startCollector(t, accept);
    for (const [setting, purpose] of [
      ["certificateFile", "collector's certificate authority"],
      ["clientCertificateFile", "client certificate"],
      ["clientKeyFile", "client key"],
    ] as const) {
      const error = errorOf(await push(tlsSettings(collector, { [setting]: missing })));
      assert.ok(error.kind === "file unreadable", error.kind);
      assert.deepEqual([error.purpose, error.path], [purpose, missing]);
      assert.equal(
        errorOf(await push(tlsSettings(collector, { [setting]: broken }))).kind,
        "not reached",
      );
    }
    assert.equal(collector.attempts.length, 0);
  });
});

function tlsSettings(collector: FakeCollector, overrides: Partial<OtlpSettings>): OtlpSettings {
  const url = `https://127.0.0.1:${collector.port}${METRICS_PATH}`;
  return settingsFor(collector.port, { url, ...overrides });
}

/** A certificate for this machine, with an authority of its own. */
async function makeIdentity(folder: string, name: string) {
  const authority = await createCertificateAuthority(`${name}'s authority`);
  const issued = await authority.issue({ commonName: name, serves: ["127.0.0.1"] });
  const [authorityFile, certFile, keyFile] = ["ca", "crt", "key"].map((ending) =>
    join(folder, `${name}.${ending}`),
  ) as [string, string, string];
  await writeFile(authorityFile, authority.certificate);
  await writeFile(certFile, issued.certificate);
  await writeFile(keyFile, issued.key);
  return {
    cert: issued.certificate,
    key: issued.key,
    authority: authority.certificate,
    authorityFile,
    certFile,
    keyFile,
  };
}

/** The names of the metrics in a body of OTLP/JSON. */
function namesIn(body: Buffer): string[] {
  const { resourceMetrics } = JSON.parse(body.toString()) as {
    resourceMetrics: { scopeMetrics: { metrics: { name: string }[] }[] }[];
  };
  return resourceMetrics.flatMap(({ scopeMetrics }) =>
    scopeMetrics.flatMap(({ metrics }) => metrics.map(({ name }) => name)),
  );
}
