// Random environments: any text in any variable, and texts that are almost valid. The outcome is settings with the table's
// guarantees, or a sentence for each invalid value.

import assert from "node:assert/strict";
import { validateHeaderName, validateHeaderValue } from "node:http";
import { test } from "node:test";
import * as fc from "fast-check";
import { LOG_LEVELS } from "../src/log.ts";
import { readSettings, SETTING_DESCRIPTIONS, type Settings } from "../src/settings.ts";

const ENVIRONMENTS = 5_000;
const SEED = 0x6368_726f;

const NAMES = SETTING_DESCRIPTIONS.flatMap(({ names }) => names);
const SECRETS = SETTING_DESCRIPTIONS.filter(({ secret }) => secret).flatMap(({ names }) => names);

/** The characters that the kernel allows in an environment: all but zero. */
const anyText = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.stringMatching(/^[\t\n\r -~]{0,60}$/),
  fc.string({ minLength: 5_000, maxLength: 5_000 }),
);

const numberText = fc.oneof(
  fc.integer().map(String),
  fc.integer({ min: 1, max: 100_000 }).map(String),
  fc.double().map(String),
  fc.double({ min: 0, max: 100, noNaN: true }).map((number) => number.toFixed(3)),
  fc.bigInt().map(String),
  fc.constantFrom("NaN", "Infinity", "-0", "1e3", "0x10", "1_000", "٣", "१२", " 7 ", "7\n", "7 8"),
);

const wordText = fc
  .array(
    fc.constantFrom(
      "otlp",
      "prometheus",
      "none",
      "tracking",
      "sources",
      "activity",
      "serverstats",
      "debug",

      "http/json",
      "http/protobuf",
      "gzip",
      "OTLP",
      " sources ",
      "",
      "constructor",
      "__proto__",
    ),
    { minLength: 1, maxLength: 3 },
  )
  .map((words) => words.join(","));

const addressText = fc
  .tuple(
    fc.constantFrom("http", "https", "HTTP", "unix", "udp", "grpc", "javascript", ""),
    fc.constantFrom("://", ":///", ":", ":/"),
    fc.constantFrom("localhost", "[::1]", "10.0.0.1", "user:password@host", "run/chronyd.sock", ""),
    fc.constantFrom("", ":0", ":1", ":323", ":65535", ":65536", ":-1", ":1e3", ":"),
    fc.oneof(fc.constantFrom("", "/", "/v1/metrics", "/../..", "?a=b", "#c"), anyText),
  )
  .map((parts) => parts.join(""));

const pairsText = fc
  .array(
    fc
      .tuple(
        fc.oneof(
          fc.constantFrom("authorization", "k8s.node.name", "__proto__", "constructor", "a b", ""),
          anyText,
        ),
        fc.constantFrom("=", "==", "", "%3D"),
        fc.oneof(
          fc.constantFrom("%", "%zz", "%0d%0aevil: 1", "%00", "%E2%82", "Bearer%20x"),
          anyText,
        ),
      )
      .map((parts) => parts.join("")),
    { maxLength: 3 },
  )
  .map((pairs) => pairs.join(","));

const text = fc
  .oneof(anyText, numberText, wordText, addressText, pairsText)
  .map((value) => value.replaceAll("\0", ""));

/** A few variables each, because with all at once nothing would be accepted. */
const environments = fc
  .uniqueArray(fc.tuple(fc.constantFrom(...NAMES), text), {
    maxLength: 4,
    selector: ([name]) => name,
  })
  .map((entries): Readonly<Record<string, string>> => Object.fromEntries(entries));

test(`${ENVIRONMENTS} environments give settings or sentences, never a throw (seed ${SEED})`, (t) => {
  let accepted = 0;
  fc.assert(
    fc.property(environments, (environment) => {
      const result = readSettings(environment);
      if (result.ok) {
        accepted += 1;
        assertHolds(result.value);
      } else {
        assert.ok(result.error.length > 0, "refused without a word");
        for (const sentence of result.error) {
          assertExplains(sentence, environment);
        }
      }
    }),
    { seed: SEED, numRuns: ENVIRONMENTS },
  );
  t.diagnostic(`${accepted} of ${ENVIRONMENTS} are settings`);
  assert.ok(accepted > ENVIRONMENTS / 10, `only ${accepted} are settings`);
  assert.ok(accepted < ENVIRONMENTS * 0.9, `all but ${ENVIRONMENTS - accepted} are settings`);
});

/** The guarantees of the table, written a second time. */
function assertHolds(settings: Settings): void {
  const { sleepIntervalMs, exportIntervalMs, exportTimeoutMs, otlp } = settings;
  assertBetween("sleepIntervalMs", sleepIntervalMs, 100, exportIntervalMs);
  assertBetween("exportIntervalMs", exportIntervalMs, 100, 86_400_000);
  assertBetween("exportTimeoutMs", exportTimeoutMs, 100, exportIntervalMs);
  assertBetween("otlp.timeoutMs", otlp.timeoutMs, 1, exportTimeoutMs);
  assertBetween("backlogMaxAgeMs", settings.backlogMaxAgeMs, 1_000, 86_400_000);
  assertBetween("backlogMaxBytes", settings.backlogMaxBytes, 65_536, 2 ** 30);
  assertBetween("prometheusPort", settings.prometheusPort, 1, 65_535);
  assert.ok(Number.isInteger(settings.prometheusPort));
  assert.ok(settings.pushes || settings.servesMetrics, "no way out");
  assert.ok(["none", "gzip"].includes(otlp.compression));
  assert.ok(LOG_LEVELS.includes(settings.logLevel));
  assert.equal(new Set(settings.metricGroups).size, settings.metricGroups.length);

  const url = new URL(otlp.url);
  assert.match(url.protocol, /^https?:$/);
  assert.equal(url.username + url.password, "");
  for (const [name, value] of Object.entries(otlp.headers)) {
    validateHeaderName(name);
    validateHeaderValue(name, value);
  }
  for (const value of Object.values(settings.resourceAttributes)) {
    assert.equal(typeof value, "string");
  }
}

function assertBetween(what: string, value: number, least: number, most: number): void {
  assert.ok(value >= least && value <= most, `${what} is ${value}`);
}

/** A sentence: the variable, its value, and what is allowed; without the value of a secret. */
function assertExplains(sentence: string, environment: Readonly<Record<string, string>>): void {
  const name = /^(?<name>[A-Z_]+) is .+: (?:expected |a socket's path ).+\.$/s.exec(sentence)
    ?.groups?.["name"];
  assert.ok(name !== undefined && NAMES.includes(name), sentence);
  const value = environment[name] ?? "";
  if (SECRETS.includes(name)) {
    assert.match(sentence, /is not shown/);
  } else if (/^[A-Z_]+ is "/.test(sentence) && !/[@?#]/.test(value)) {
    assert.ok(sentence.includes(JSON.stringify(value)), `${sentence} does not show ${value}`);
  }
  assert.doesNotMatch(sentence, /user|password@/);
}
