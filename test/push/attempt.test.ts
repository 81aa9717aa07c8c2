// Attempts over real connections to a fake collector (fake-collector.ts).

// oxlint-disable-next-line import/no-unassigned-import -- what @peculiar/x509 needs before it
import "reflect-metadata";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { webcrypto } from "node:crypto";
import dns from "node:dns";
import { getEventListeners } from "node:events";
import { readdirSync, readlinkSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { PemConverter, X509CertificateGenerator } from "@peculiar/x509";
import { describePushError, type Outcome, type PushError } from "../../src/push/answer.ts";
import { attempt } from "../../src/push/attempt.ts";
import type { OtlpSettings } from "../../src/settings.ts";
import { VERSION } from "../../src/version.ts";
import { createCertificateAuthority } from "../parts/certificate-authority.ts";
import { scratchFolder } from "../parts/scratch-folder.ts";
import { waitFor } from "../parts/wait-for.ts";
import {
  type Answer,
  accept,
  drip,
  FakeCollector,
  hangUp,
  type Identity,
  keepSilent,
  refuse,
} from "./fake-collector.ts";

const METRICS_PATH = "/v1/metrics";
/** For what ends by itself. */
const LONG_MS = 20_000;
/** The timeout of a push that hangs. */
const LIMIT_MS = 250;

/** What is left open would be waited for without end. */
const NO_HANGING_TEST = { timeout: 20_000 };

const BODY = Buffer.from('{"resourceMetrics":[]}');

/** Settings of a push to a port of this machine. */
function settingsFor(port: number, overrides: Partial<OtlpSettings> = {}): OtlpSettings {
  return {
    url: `http://127.0.0.1:${port}${METRICS_PATH}`,
    compression: "none",
    headers: {},
    timeoutMs: LONG_MS,
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

async function push(
  settings: OtlpSettings,
  limitMs = settings.timeoutMs,
  cut?: AbortSignal,
): Promise<Outcome> {
  const { outcome } = await attempt(settings, { body: BODY, headers: {}, limitMs, cut });
  return outcome;
}

function errorOf(outcome: Outcome): PushError {
  assert.ok(outcome.kind !== "accepted", "the push was accepted");
  return outcome.error;
}

async function accepted(outcome: Promise<Outcome>): Promise<void> {
  assert.deepEqual(await outcome, { kind: "accepted", rejectedPoints: 0, reason: "" });
}

async function folderFor(t: TestContext): Promise<string> {
  const folder = await scratchFolder("ct");
  t.after(() => folder.remove());
  return folder.path;
}

describe("a push", () => {
  test("is a POST of OTLP/JSON", async (t) => {
    const collector = await startCollector(t, accept);
    await accepted(push(settingsFor(collector.port)));
    const { method, path, headers, body } = collector.onlyAttempt;
    assert.equal(`${method} ${path}`, `POST ${METRICS_PATH}`);
    assert.equal(headers["content-type"], "application/json");
    assert.equal(headers["content-encoding"], undefined);
    assert.equal(headers["user-agent"], `chrony-tracker/${VERSION}`);
    assert.deepEqual(body, BODY);
  });

  test("is compressed where that is set", async (t) => {
    const collector = await startCollector(t, accept);
    await accepted(push(settingsFor(collector.port, { compression: "gzip" })));
    const { headers, body } = collector.onlyAttempt;
    assert.equal(headers["content-encoding"], "gzip");
    assert.deepEqual(gunzipSync(body), BODY);
  });

  test("carries the headers of the settings", async (t) => {
    const collector = await startCollector(t, accept);
    const headers = { "x-scope-orgid": "clocks", authorization: "Basic b25l" };
    await accepted(push(settingsFor(collector.port, { headers })));
    assert.equal(collector.onlyAttempt.headers["x-scope-orgid"], "clocks");
    assert.equal(collector.onlyAttempt.headers.authorization, "Basic b25l");
  });

  test("goes where a URL leads that is written in capitals", async (t) => {
    const collector = await startCollector(t, accept);
    const url = `HTTP://127.0.0.1:${collector.port}${METRICS_PATH}`;
    await accepted(push(settingsFor(collector.port, { url })));
  });

  test("leaves no connection behind", NO_HANGING_TEST, async (t) => {
    const collector = await startCollector(t, accept);
    await push(settingsFor(collector.port));
    await collector.withoutConnections();
  });
});

describe("the token", () => {
  test("is read again for each push, because Kubernetes rotates it", async (t) => {
    const collector = await startCollector(t, accept);
    const tokenFile = join(await folderFor(t), "token");
    const settings = settingsFor(collector.port, { tokenFile });
    for (const token of ["first", "second\n"]) {
      await writeFile(tokenFile, token);
      await accepted(push(settings));
    }
    assert.deepEqual(
      collector.attempts.map(({ headers }) => headers.authorization),
      ["Bearer first", "Bearer second"],
    );
  });

  test("goes before an authorization among the settings' headers, however that is written", async (t) => {
    const collector = await startCollector(t, accept);
    const tokenFile = join(await folderFor(t), "token");
    await writeFile(tokenFile, "token");
    const headers = { Authorization: "Basic b25l" };
    await accepted(push(settingsFor(collector.port, { tokenFile, headers })));
    assert.equal(collector.onlyAttempt.headers.authorization, "Bearer token");
  });

  test("that is missing fails the push before anything is sent", async (t) => {
    const collector = await startCollector(t, accept);
    const tokenFile = join(await folderFor(t), "token");
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
      const tokenFile = join(await folderFor(t), "token");
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
      const tokenFile = join(await folderFor(t), "token");
      await writeFile(tokenFile, "secret");
      const settings = settingsFor(collector.port, { tokenFile, timeoutMs: LIMIT_MS });
      const error = errorOf(await push(settings));
      assert.equal(collector.onlyAttempt.headers.authorization, "Bearer secret");
      assert.doesNotMatch(JSON.stringify(error) + describePushError(error), /secret/);
    });
  }
});

describe("an answer that is not a success", () => {
  for (const [status, kind] of [
    [400, "rejected"],
    [413, "too large"],
    [429, "wait"],
    [503, "wait"],
  ] as const) {
    test(`of ${status} ends the attempt, with the status and what the collector says: ${kind}`, async (t) => {
      const collector = await startCollector(t, refuse(status, "not like this\n"));
      const settings = settingsFor(collector.port);
      const outcome = await push(settings);
      assert.equal(outcome.kind, kind);
      const { url } = settings;
      const detail = "not like this";
      assert.deepEqual(errorOf(outcome), { kind: "answered", url, status, detail });
      assert.equal(collector.attempts.length, 1, "nothing is tried again here");
    });
  }

  test("and is a redirect is not followed, and names its target without a secret", async (t) => {
    const elsewhere = await startCollector(t, accept);
    const location = `http://name:password@127.0.0.1:${elsewhere.port}/other?sig=secret`;
    const collector = await startCollector(t, refuse(308, "", { location }));
    const outcome = await push(settingsFor(collector.port));
    assert.ok(outcome.kind === "wait" && outcome.isAnswer);
    const sentence = describePushError(outcome.error);
    assert.ok(sentence.includes(`308, a redirect to http://…@127.0.0.1:${elsewhere.port}/other?…`));
    assert.equal(elsewhere.attempts.length, 0);
  });

  test("that is very long or breaks lines is cut to a line for the log", async (t) => {
    const collector = await startCollector(t, refuse(400, `one\r\ntwo\u0007${"x".repeat(5_000)}`));
    const error = errorOf(await push(settingsFor(collector.port)));
    assert.ok(error.kind === "answered");
    assert.match(error.detail, /^one two x+$/);
    assert.equal(error.detail.length, 300);
  });
});

describe("a collector that cannot be reached", () => {
  test("is reported as not reached, with the reason", async () => {
    const collector = await FakeCollector.start(accept);
    const settings = settingsFor(collector.port);
    await collector.stop();
    const error = errorOf(await push(settings));
    assert.ok(error.kind === "not reached");
    assert.equal(error.url, settings.url);
    assert.match(error.detail, /ECONNREFUSED/);
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

  test("with two addresses is reported with a reason, too, although Node.js gives only a code", async (t) => {
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
    assert.deepEqual(error, {
      kind: "not reached",
      url,
      detail: "ECONNREFUSED",
      isUntrusted: false,
    });
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
    });
  }

  test("is left before the limit when the push is cut", async (t) => {
    const collector = await startCollector(t, keepSilent);
    const cut = new AbortController();
    const outcome = push(settingsFor(collector.port), LONG_MS, cut.signal);
    await waitFor("the attempt", () => collector.attempts.length === 1);
    cut.abort();
    assert.equal(errorOf(await outcome).kind, "timed out");
    await collector.withoutConnections();
  });
});

/** An answer of so many bytes. */
function answerOf(length: number): Answer {
  return (response) => {
    response.end("{}".padEnd(length));
  };
}

describe("a limit of bytes", () => {
  test("is 64 KiB for an answer", async (t) => {
    const collector = await startCollector(t, answerOf(65_536), answerOf(65_537));
    await accepted(push(settingsFor(collector.port)));
    assert.equal(errorOf(await push(settingsFor(collector.port))).kind, "not OTLP");
  });

  test("is 1 MiB for a file", async (t) => {
    const collector = await startCollector(t, accept);
    const tokenFile = join(await folderFor(t), "token");
    const settings = settingsFor(collector.port, { tokenFile });
    await writeFile(tokenFile, "x".padEnd(1_048_576));
    await accepted(push(settings));
    await writeFile(tokenFile, "x".padEnd(1_048_577));
    const error = errorOf(await push(settings));
    assert.ok(error.kind === "file unreadable");
    assert.equal(error.detail, "it has 1048577 bytes");
  });

  test("is for a regular file: a pipe into which nothing is written does not hold a push up", async (t) => {
    const collector = await startCollector(t, accept);
    const pipe = join(await folderFor(t), "pipe");
    execFileSync("mkfifo", [pipe]);
    for (const tokenFile of ["/", pipe]) {
      const error = errorOf(await push(settingsFor(collector.port, { tokenFile })));
      assert.ok(error.kind === "file unreadable");
      assert.equal(error.detail, "it is not a regular file");
    }
  });
});

test("a push leaves neither an open file nor a listener behind", async (t) => {
  const collector = await startCollector(t, accept);
  const tokenFile = join(await folderFor(t), "token");
  await writeFile(tokenFile, "token");
  const settings = settingsFor(collector.port, { tokenFile });
  const { signal } = new AbortController();
  await accepted(push(settings, LONG_MS, signal));
  await collector.withoutConnections();
  const before = openFiles().length;
  for (let time = 0; time < 20; time += 1) {
    await accepted(push(settings, LONG_MS, signal));
  }
  assert.ok(!openFiles().includes(tokenFile), "the token's file is open");
  await waitFor("all sockets to be closed", () => openFiles().length <= before + 4);
  assert.deepEqual(getEventListeners(signal, "abort"), []);
});

/** What this process has open. */
function openFiles(): string[] {
  return readdirSync("/proc/self/fd").map((descriptor) => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`);
    } catch {
      return "closed since";
    }
  });
}

test("a collector that switches to another protocol is said to have given no answer", async (t) => {
  const collector = await startCollector(t, ({ socket }) => {
    socket?.write("HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n");
  });
  const error = errorOf(await push(settingsFor(collector.port)));
  assert.ok(error.kind === "not reached");
  assert.equal(error.detail, "the connection was closed without an answer");
});

describe("over TLS", () => {
  test("a replaced authority is followed by the next push", async (t) => {
    const folder = await folderFor(t);
    const [old, next] = [await makeIdentity(folder, "old"), await makeIdentity(folder, "next")];
    const collector = await FakeCollector.startTls(old, accept);
    t.after(() => collector.stop());
    const certificateFile = join(folder, "ca.crt");
    const settings = tlsSettings(collector, { certificateFile });

    await writeFile(certificateFile, old.authority);
    await accepted(push(settings));
    collector.replaceIdentity(next);
    const error = errorOf(await push(settings));
    assert.ok(
      error.kind === "not reached",
      "the old authority does not do for the new certificate",
    );
    assert.match(error.detail, /certificate/);
    await writeFile(certificateFile, next.authority);
    await accepted(push(settings));
    assert.equal(collector.attempts.length, 2);
    await collector.withoutConnections();
  });

  for (const [what, chainOf] of [
    ["alone", ({ cert }: Chain) => cert],
    ["with its authority's", ({ cert, authority }: Chain) => `${cert}\n${authority}`],
  ] as const) {
    test(`a collector of an unknown authority, which shows its certificate ${what}, gets nothing`, async (t) => {
      const identity = await makeIdentity(await folderFor(t), "unknown");
      const { key } = identity;
      const collector = await FakeCollector.startTls({ key, cert: chainOf(identity) }, accept);
      t.after(() => collector.stop());
      const error = errorOf(await push(tlsSettings(collector, {})));
      assert.ok(error.kind === "not reached" && error.isUntrusted, error.kind);
      assert.equal(collector.attempts.length, 0);
    });
  }

  test("a collector that signed its certificate itself gets nothing", async (t) => {
    const collector = await FakeCollector.startTls(await selfSigned(), accept);
    t.after(() => collector.stop());
    const error = errorOf(await push(tlsSettings(collector, {})));
    assert.ok(error.kind === "not reached" && error.isUntrusted, error.kind);
    assert.equal(collector.attempts.length, 0);
  });

  test("and only there are the files of certificates read", async (t) => {
    const collector = await startCollector(t, accept);
    await accepted(push(settingsFor(collector.port, { certificateFile: "/nowhere" })));
  });

  test("the agent shows its own certificate where it has one", async (t) => {
    const folder = await folderFor(t);
    const [server, agent] = [
      await makeIdentity(folder, "server"),
      await makeIdentity(folder, "agent"),
    ];
    const collector = await FakeCollector.startTls({ ...server, ca: agent.authority }, accept);
    t.after(() => collector.stop());
    const certificateFile = server.authorityFile;
    assert.equal((await push(tlsSettings(collector, { certificateFile }))).kind, "wait", "without");
    const settings = tlsSettings(collector, {
      certificateFile,
      clientCertificateFile: agent.certFile,
      clientKeyFile: agent.keyFile,
    });
    await accepted(push(settings));
  });

  test("a file that cannot be read is reported with its purpose", async (t) => {
    const folder = await folderFor(t);
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

type Chain = { readonly cert: string; readonly authority: string };

async function selfSigned(): Promise<Identity> {
  const algorithm = { name: "ECDSA", namedCurve: "P-256" };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const cert = await X509CertificateGenerator.createSelfSigned({ name: "CN=itself", keys });
  const key = await webcrypto.subtle.exportKey("pkcs8", keys.privateKey);
  return { cert: cert.toString("pem"), key: PemConverter.encode(key, "PRIVATE KEY") };
}

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
