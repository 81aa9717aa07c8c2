// Every environment variable: its default, valid values, and invalid ones with their sentences. The table of cases has a
// row for each row of settings.ts, which a test checks.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readSettings, SETTING_DESCRIPTIONS, type Settings } from "../src/settings.ts";

type Environment = Readonly<Record<string, string>>;

type Case = {
  /** The variables with the same meaning; the first one takes precedence. */
  readonly names: readonly [string, ...string[]];
  /** The field of its value. */
  readonly value: (settings: Settings) => unknown;
  readonly default: unknown;
  /** Valid texts, and their values. */
  readonly good: readonly (readonly [text: string, value: unknown])[];
  /** Invalid texts, and what is allowed. */
  readonly bad: readonly (readonly [text: string, allowed: string])[];
  /** Other variables that a valid text needs. */
  readonly beside?: Environment;
};

const WHOLE_INTERVAL = "expected a whole number from 100 to 86400000";
const URL_FORM = "expected a URL like http://HOST:PORT or https://HOST";
const PAIRS = "expected NAME=VALUE pairs with commas, percent-encoded";

const CASES: readonly Case[] = [
  {
    names: ["CHRONY_ADDRESS"],
    value: ({ chronyAddress }) => chronyAddress.text,
    default: "unix:///run/chrony/chronyd.sock",
    good: [["udp://[::1]:323", "udp://[::1]:323"]],
    bad: [
      ["localhost:323", "expected unix:///PATH or udp://HOST:PORT ([HOST] for IPv6)"],
      ["unix://chronyd.sock", "expected an absolute path of a socket after unix://"],
    ],
  },
  {
    names: ["SLEEP_INTERVAL"],
    value: ({ sleepIntervalMs }) => sleepIntervalMs,
    default: 1000,
    good: [
      ["0.1", 100],
      ["30", 30_000],
      [" 2.5 ", 2500],
    ],
    bad: [
      "0",
      "0.09",
      "60.1",
      "86400",
      "-1",
      "1e1",
      "1,5",
      "1s",
      "NaN",
      "Infinity",
      "0x10",
      "1.",
    ].map((text) => [text, "expected a number from 0.1 to 60"] as const),
  },
  {
    names: ["CHRONY_METRICS"],
    value: ({ metricGroups }) => metricGroups,
    default: ["tracking", "sources"],
    good: [
      [
        "sourcestats,ntpdata,serverstats,activity",
        ["sourcestats", "ntpdata", "serverstats", "activity"],
      ],
      ["sources,sources", ["sources"]],
      ["none", []],
    ],
    bad: ["rtcdata", "sources,none", "tracking,"].map(
      (text) =>
        [
          text,
          "expected one or more of tracking, sources, sourcestats, ntpdata, serverstats, activity, with commas, or none",
        ] as const,
    ),
  },
  {
    names: ["UTC_CHECK_SERVERS"],
    value: ({ utcCheckServers }) => utcCheckServers?.map(({ host, port }) => `${host} ${port}`),
    default: undefined,
    good: [
      ["time.example", ["time.example 123"]],
      [" 192.0.2.1:1123 , [2001:db8::1]:1 ", ["192.0.2.1 1123", "2001:db8::1 1"]],
      ["::1,[::2]", ["::1 123", "::2 123"]],
      ["a:65535", ["a 65535"]],
      ["a,b,c,d,e,f,g,h", ["a 123", "b 123", "c 123", "d 123", "e 123", "f 123", "g 123", "h 123"]],
    ],
    bad: [
      ["a,", "expected HOST, HOST:PORT or [IPV6]:PORT, several with commas (number 2 is not one)"],
      ...["udp://a", "a:0", "a:65536", "a:b", "[a]", "::1:123456", "a b", "-a", "a/b"].map(
        (text) =>
          [
            text,
            "expected HOST, HOST:PORT or [IPV6]:PORT, several with commas (number 1 is not one)",
          ] as const,
      ),
      ["a,b,c,d,e,f,g,h,i", "expected at most 8 hosts"],
      ["a,b,A:123", "expected each host once"],
    ],
  },
  {
    names: ["UTC_CHECK_INTERVAL"],
    value: ({ utcCheckIntervalMs }) => utcCheckIntervalMs,
    default: 900_000,
    good: [
      ["64", 64_000],
      ["86400", 86_400_000],
    ],
    bad: ["63.9", "86401", "0", "15m"].map(
      (text) => [text, "expected a number from 64 to 86400"] as const,
    ),
  },
  {
    names: ["OTEL_METRICS_EXPORTER"],
    value: ({ pushes, servesMetrics }) => ({ pushes, servesMetrics }),
    default: { pushes: true, servesMetrics: true },
    good: [
      ["otlp", { pushes: true, servesMetrics: false }],
      ["prometheus", { pushes: false, servesMetrics: true }],
      [" Prometheus , OTLP ", { pushes: true, servesMetrics: true }],
    ],
    bad: ["none", "otlp,", "otlp prometheus", "console"].map(
      (text) => [text, "expected one or more of otlp, prometheus, with commas"] as const,
    ),
  },
  {
    names: ["OTEL_METRIC_EXPORT_INTERVAL"],
    value: ({ exportIntervalMs }) => exportIntervalMs,
    default: 30_000,
    good: [
      ["1000", 1000],
      ["86400000", 86_400_000],
    ],
    bad: ["99", "86400001", "1000.5", "30s", "-30000", "1e4"].map(
      (text) => [text, WHOLE_INTERVAL] as const,
    ),
  },
  {
    names: ["OTEL_METRIC_EXPORT_TIMEOUT"],
    value: ({ exportTimeoutMs }) => exportTimeoutMs,
    default: 20_000,
    good: [
      ["100", 100],
      ["30000", 30_000],
    ],
    bad: ["99", "86400001", "20s"].map((text) => [text, WHOLE_INTERVAL] as const),
  },
  {
    names: ["BACKLOG_MAX_AGE"],
    value: ({ backlogMaxAgeMs }) => backlogMaxAgeMs,
    default: 1_140_000,
    good: [
      ["1", 1000],
      ["86400", 86_400_000],
    ],
    bad: ["0", "86401", "-1", "19m"].map(
      (text) => [text, "expected a number from 1 to 86400"] as const,
    ),
  },
  {
    names: ["BACKLOG_MAX_BYTES"],
    value: ({ backlogMaxBytes }) => backlogMaxBytes,
    default: 4_194_304,
    good: [
      ["65536", 65_536],
      ["1073741824", 2 ** 30],
    ],
    bad: ["65535", "1073741825", "4MiB", "1e6"].map(
      (text) => [text, "expected a whole number from 65536 to 1073741824"] as const,
    ),
  },
  {
    names: ["OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"],
    // The default is set, so no part of the agent asks for it.
    value: () => "http/json",
    default: "http/json",
    good: [["HTTP/JSON", "http/json"]],
    bad: ["grpc", "http/protobuf"].map(
      (text) =>
        [
          text,
          "expected http/json, because the agent ends series by a flag that OpenTelemetry's protobuf and gRPC exporters cannot write",
        ] as const,
    ),
  },
  {
    names: ["OTEL_EXPORTER_OTLP_ENDPOINT"],
    value: ({ otlp }) => otlp.url,
    default: "http://localhost:4318/v1/metrics",
    good: [
      ["https://collector.example", "https://collector.example/v1/metrics"],
      ["http://collector.example:4318/otlp/", "http://collector.example:4318/otlp/v1/metrics"],
      ["http://collector.example/otlp?key=1", "http://collector.example/otlp/v1/metrics?key=1"],
    ],
    bad: [
      ["collector:4318", URL_FORM],
      ["grpc://collector:4317", URL_FORM],
      ["http://collector:99999", URL_FORM],
    ],
  },
  {
    names: ["OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"],
    value: ({ otlp }) => otlp.url,
    default: "http://localhost:4318/v1/metrics",
    good: [["https://collector.example/as/it/is", "https://collector.example/as/it/is"]],
    bad: [["collector", URL_FORM]],
  },
  {
    names: ["OTEL_EXPORTER_OTLP_METRICS_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"],
    value: ({ otlp }) => otlp.headers,
    default: {},
    good: [
      ["x-scope-orgid=clocks", { "x-scope-orgid": "clocks" }],
      [" a = b%2Cc , d=e=f ,", { a: "b,c", d: "e=f" }],
    ],
    // Never shown: see "a secret" below.
    bad: [],
  },
  {
    names: ["OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"],
    value: ({ otlp }) => otlp.timeoutMs,
    default: 20_000,
    good: [
      ["5000", 5000],
      ["60000", 20_000],
    ],
    bad: ["0", "10s"].map((text) => [text, "expected a whole number from 1 to 86400000"] as const),
  },
  {
    names: ["OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", "OTEL_EXPORTER_OTLP_COMPRESSION"],
    value: ({ otlp }) => otlp.compression,
    default: "none",
    good: [["gzip", "gzip"]],
    bad: [["zstd", "expected gzip or none"]],
  },
  {
    names: ["OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE", "OTEL_EXPORTER_OTLP_CERTIFICATE"],
    value: ({ otlp }) => otlp.certificateFile,
    default: undefined,
    good: [["/etc/ca.crt", "/etc/ca.crt"]],
    bad: [],
  },
  {
    names: [
      "OTEL_EXPORTER_OTLP_METRICS_CLIENT_CERTIFICATE",
      "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
    ],
    value: ({ otlp }) => otlp.clientCertificateFile,
    default: undefined,
    good: [["/etc/agent.crt", "/etc/agent.crt"]],
    bad: [],
    beside: { OTEL_EXPORTER_OTLP_CLIENT_KEY: "/etc/agent.key" },
  },
  {
    names: ["OTEL_EXPORTER_OTLP_METRICS_CLIENT_KEY", "OTEL_EXPORTER_OTLP_CLIENT_KEY"],
    value: ({ otlp }) => otlp.clientKeyFile,
    default: undefined,
    good: [["/etc/agent.key", "/etc/agent.key"]],
    bad: [],
    beside: { OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: "/etc/agent.crt" },
  },
  {
    names: ["COLLECTOR_TOKEN_FILE"],
    value: ({ otlp }) => otlp.tokenFile,
    default: undefined,
    good: [["/var/run/secrets/token", "/var/run/secrets/token"]],
    bad: [],
  },
  {
    names: ["OTEL_EXPORTER_PROMETHEUS_HOST"],
    value: ({ prometheusHost }) => prometheusHost,
    default: undefined,
    good: [["127.0.0.1", "127.0.0.1"]],
    bad: [],
  },
  {
    names: ["OTEL_EXPORTER_PROMETHEUS_PORT"],
    value: ({ prometheusPort }) => prometheusPort,
    default: 9464,
    good: [
      ["1", 1],
      ["65535", 65_535],
    ],
    bad: ["0", "65536", "http"].map(
      (text) => [text, "expected a whole number from 1 to 65535"] as const,
    ),
  },
  {
    names: ["OTEL_SERVICE_NAME"],
    value: ({ serviceName }) => serviceName,
    default: undefined,
    good: [["clocks", "clocks"]],
    bad: [],
  },
  {
    names: ["OTEL_RESOURCE_ATTRIBUTES"],
    value: ({ resourceAttributes }) => resourceAttributes,
    default: {},
    good: [
      [
        "k8s.node.name=aks-1,k8s.cluster.name=we%20st",
        { "k8s.node.name": "aks-1", "k8s.cluster.name": "we st" },
      ],
      ["k8s%2Enode.name=aks-1", { "k8s.node.name": "aks-1" }],
      ["empty=", { empty: "" }],
    ],
    bad: [
      ["a%2=b", `${PAIRS} (pair 1 is not one)`],
      ["k8s.node.name", `${PAIRS} (pair 1 is not one)`],
      ["a=b,=c", `${PAIRS} (pair 2 is not one)`],
      ["a=b,c=%GG", `${PAIRS} (pair 2 is not one)`],
      ["a b=c", `${PAIRS} (pair 1 is not one)`],
    ],
  },
  {
    names: ["OTEL_LOG_LEVEL"],
    value: ({ logLevel }) => logLevel,
    default: "info",
    good: [
      ["debug", "debug"],
      ["NONE", "none"],
      ["VERBOSE", "verbose"],
      ["All", "all"],
    ],
    bad: [
      ["loud", "expected none or error or warn or info or debug or verbose or all"],
      ["0", "expected none or error or warn or info or debug or verbose or all"],
    ],
  },
];

function settingsOf(environment: Environment): Settings {
  const settings = readSettings(environment);
  assert.ok(settings.ok, settings.ok ? "" : settings.error.join(" "));
  return settings.value;
}

function problemsOf(environment: Environment): readonly string[] {
  const settings = readSettings(environment);
  assert.ok(!settings.ok, "the settings are accepted");
  return settings.error;
}

test("every setting has its cases here, in the same order and with the same names", () => {
  assert.deepEqual(
    CASES.map(({ names }) => names),
    SETTING_DESCRIPTIONS.map(({ names }) => names),
  );
});

for (const { names, value, default: fallback, good, bad, beside = {} } of CASES) {
  describe(names.join(" and "), () => {
    test("has its default when it is not set, and when it is empty", () => {
      assert.deepEqual(value(settingsOf({})), fallback);
      assert.deepEqual(value(settingsOf(Object.fromEntries(names.map((n) => [n, ""])))), fallback);
    });

    for (const name of names) {
      for (const [text, expected] of good) {
        test(`${name} may be ${JSON.stringify(text)}`, () => {
          assert.deepEqual(value(settingsOf({ ...beside, [name]: text })), expected);
        });
      }
      for (const [text, allowed] of bad) {
        test(`${name} may not be ${JSON.stringify(text)}`, () => {
          assert.deepEqual(problemsOf({ [name]: text }), [
            `${name} is ${JSON.stringify(text)}: ${allowed}.`,
          ]);
        });
      }
    }

    const [first, second] = names;
    const [[text, expected] = ["", undefined]] = good;
    if (second !== undefined) {
      test(`${first} takes precedence over ${second}, also if that is invalid`, () => {
        const [[worse] = ["whatever"]] = bad;
        const environment = { ...beside, [first]: text, [second]: worse };
        assert.deepEqual(value(settingsOf(environment)), expected);
      });

      test(`${second} is used if ${first} is empty`, () => {
        const environment = { ...beside, [first]: "", [second]: text };
        assert.deepEqual(value(settingsOf(environment)), expected);
      });
    }
  });
}

describe("a variable that sets nothing", () => {
  const unknown = [
    ["SLEEP_MS", "SLEEP_INTERVAL"],
    ["CHRONY_ADDRES", "CHRONY_ADDRESS or CHRONY_METRICS"],
    ["BACKLOG_MAX", "BACKLOG_MAX_AGE or BACKLOG_MAX_BYTES"],
    ["COLLECTOR_TOKEN", "COLLECTOR_TOKEN_FILE"],
    ["OTEL_METRICS_EXPORT_INTERVAL", "OTEL_METRIC_EXPORT_INTERVAL"],
    ["OTEL_EXPORTER_OTLP_ENDPIONT", "OTEL_EXPORTER_OTLP_ENDPOINT"],
    ["OTEL_LOG_LEVELXX", "OTEL_LOG_LEVEL"],
    ["OTEL_LOG_LEV", "OTEL_LOG_LEVEL"],
    ["OTEL_LO_LEVL", "OTEL_LOG_LEVEL"],
    ["OTEL_XLOG_XLEVEL", "OTEL_LOG_LEVEL"],
    ["OTEL_XOG_LEVEX", "OTEL_LOG_LEVEL"],
    ["OTEL_OG_LEVELX", "OTEL_LOG_LEVEL"],
    ["OTEL_METRICS_EXPORT_TIMEOT", "OTEL_METRIC_EXPORT_TIMEOUT"],
  ] as const;
  for (const [name, meant] of unknown) {
    test(`${name} is an error that names ${meant}, and does not show its value`, () => {
      assert.deepEqual(problemsOf({ [name]: "secret" }), [
        `${name} is not a setting: expected ${meant}, or remove it.`,
      ]);
    });
  }

  const foreign = [
    "CHRONY_TRACKER_CACHE",
    "CHRONY_SERVICE_HOST",
    "COLLECTOR_SERVICE_PORT_OTLP",
    "COLLECTOR_PORT",
    "COLLECTOR_PORT_4318_TCP_ADDR",
    "OTEL_TRACES_EXPORTER",
    "OTEL_LOGS_EXPORTER",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
    "OTEL_EXPORTER_OTLP_INSECURE",
    "OTEL_METRICS_EXEMPLAR_FILTER",
    // Three letters of OTEL_LOG_LEVEL are wrong, too many or missing.
    "OTEL_LOG_LEVELXXX",
    "OTEL_LOG_LE",
    "OTEL_LO_EVL",
    "OTEL_XLOGX_XLEVEL",
    "OTEL_XXG_LEVEX",
    "OTEL_OG_XLEVELX",
    "CHRONYD_OPTIONS",
    "PATH",
  ];
  for (const name of foreign) {
    test(`${name} is another program's`, () => {
      assert.ok(readSettings({ [name]: "value" }).ok);
    });
  }

  test("is not set when it is empty", () => {
    assert.ok(readSettings({ SLEEP_MS: "" }).ok);
    assert.ok(readSettings({ SLEEP_MS: undefined }).ok);
  });
});

describe("invalid values", () => {
  test("are reported all at once, a sentence each, in the order of the table", () => {
    const environment: Record<string, string> = {};
    const expected: string[] = [];
    for (const { names, bad } of CASES) {
      const [first] = bad;
      if (first !== undefined) {
        const [text, allowed] = first;
        environment[names[0]] = text;
        expected.push(`${names[0]} is ${JSON.stringify(text)}: ${allowed}.`);
      }
    }
    assert.ok(expected.length > 10);
    assert.deepEqual(problemsOf(environment), expected);
  });

  test("are reported together with the conflicts of valid ones", () => {
    assert.deepEqual(problemsOf({ OTEL_LOG_LEVEL: "loud", SLEEP_INTERVAL: "60" }), [
      'OTEL_LOG_LEVEL is "loud": expected none or error or warn or info or debug or verbose or all.',
      "SLEEP_INTERVAL is 60: expected at most the export interval (OTEL_METRIC_EXPORT_INTERVAL is 30000 ms).",
    ]);
  });

  test("are in no conflict, because one sentence for each is enough", () => {
    assert.deepEqual(problemsOf({ SLEEP_INTERVAL: "60", OTEL_METRIC_EXPORT_INTERVAL: "10s" }), [
      `OTEL_METRIC_EXPORT_INTERVAL is "10s": ${WHOLE_INTERVAL}.`,
    ]);
  });

  test("stay on one line, whatever is in them", () => {
    const [sentence, ...others] = problemsOf({ OTEL_LOG_LEVEL: 'a\nb\u0007"' });
    assert.deepEqual(others, []);
    assert.match(sentence ?? "", /^OTEL_LOG_LEVEL is "a\\nb\\u0007\\"": expected [ -~]+\.$/);
  });
});

describe("the export interval", () => {
  test("may be as short as the polling interval, not shorter", () => {
    const settings = { SLEEP_INTERVAL: "5", OTEL_METRIC_EXPORT_INTERVAL: "5000" };
    assert.equal(settingsOf(settings).sleepIntervalMs, 5000);
    assert.deepEqual(problemsOf({ ...settings, OTEL_METRIC_EXPORT_INTERVAL: "4999" }), [
      "SLEEP_INTERVAL is 5: expected at most the export interval (OTEL_METRIC_EXPORT_INTERVAL is 4999 ms).",
    ]);
  });

  test("below a second requires a polling interval as short, also in place of the default", () => {
    assert.deepEqual(problemsOf({ OTEL_METRIC_EXPORT_INTERVAL: "500" }), [
      "SLEEP_INTERVAL is 1: expected at most the export interval (OTEL_METRIC_EXPORT_INTERVAL is 500 ms).",
    ]);
  });

  test("may be as short as the export timeout, not shorter", () => {
    const settings = { OTEL_METRIC_EXPORT_TIMEOUT: "10000", OTEL_METRIC_EXPORT_INTERVAL: "10000" };
    assert.equal(settingsOf(settings).exportTimeoutMs, 10_000);
    assert.deepEqual(problemsOf({ ...settings, OTEL_METRIC_EXPORT_INTERVAL: "9999" }), [
      "OTEL_METRIC_EXPORT_TIMEOUT is 10000: expected at most the export interval (OTEL_METRIC_EXPORT_INTERVAL is 9999 ms).",
    ]);
  });

  test("lowers the default timeout with it", () => {
    const { exportTimeoutMs, otlp } = settingsOf({ OTEL_METRIC_EXPORT_INTERVAL: "5000" });
    assert.equal(exportTimeoutMs, 5000);
    assert.equal(otlp.timeoutMs, 5000);
  });

  test("does not raise the default timeout", () => {
    const settings = settingsOf({ OTEL_METRIC_EXPORT_INTERVAL: "60000" });
    assert.equal(settings.exportTimeoutMs, 20_000);
  });
});

describe("the exporter's own timeout", () => {
  test("is the export timeout when it is not set", () => {
    assert.equal(settingsOf({ OTEL_METRIC_EXPORT_TIMEOUT: "7000" }).otlp.timeoutMs, 7000);
  });

  test("is never above it, so that nothing of a push outlives it", () => {
    const settings = { OTEL_METRIC_EXPORT_TIMEOUT: "7000", OTEL_EXPORTER_OTLP_TIMEOUT: "10000" };
    assert.equal(settingsOf(settings).otlp.timeoutMs, 7000);
  });
});

describe("a client certificate and its key", () => {
  test("belong together", () => {
    assert.deepEqual(problemsOf({ OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: "/a.crt" }), [
      'OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE is "/a.crt": expected a client key file beside it.',
    ]);
    assert.deepEqual(problemsOf({ OTEL_EXPORTER_OTLP_METRICS_CLIENT_KEY: "/a.key" }), [
      'OTEL_EXPORTER_OTLP_METRICS_CLIENT_KEY is "/a.key": expected a client certificate file beside it.',
    ]);
  });

  test("may be set by both kinds of variables", () => {
    const { otlp } = settingsOf({
      OTEL_EXPORTER_OTLP_METRICS_CLIENT_CERTIFICATE: "/a.crt",
      OTEL_EXPORTER_OTLP_CLIENT_KEY: "/a.key",
    });
    assert.deepEqual([otlp.clientCertificateFile, otlp.clientKeyFile], ["/a.crt", "/a.key"]);
  });
});

test("the complete address of metrics takes precedence over the endpoint, and is used unchanged", () => {
  const { otlp } = settingsOf({
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://one:4318",
    OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: "http://two:4318/other",
  });
  assert.equal(otlp.url, "http://two:4318/other");
});

describe("a secret", () => {
  const bad = ["authorization=Bearer s3cret%GG", "s3cret", "a=b,c=s3cret%0A", "naïve=s3cret"];
  for (const text of bad) {
    for (const name of ["OTEL_EXPORTER_OTLP_METRICS_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"]) {
      test(`in ${name} is not shown: ${JSON.stringify(text)}`, () => {
        const [sentence = "", ...others] = problemsOf({ [name]: text });
        assert.deepEqual(others, []);
        assert.ok(sentence.startsWith(`${name} is not shown, as it may hold a secret: ${PAIRS}`));
        assert.doesNotMatch(sentence, /s3cret/);
      });
    }
  }

  const urls = [
    "http://user:s3cret@collector:4318",
    "http://s3cret@collector:4318",
    "http://user:s3/cret@collector:4318",
    "http://user:s3@cret@collector:4318",
    "grpc://user:s3cret@collector:4317",
    "user:s3cret@collector:4318",
    "http://user:s3cret\n@collector:4318",
  ];
  for (const url of urls) {
    test(`in a URL is not shown: ${JSON.stringify(url)}`, () => {
      for (const name of ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"]) {
        const [sentence = "", ...others] = problemsOf({ [name]: url });
        assert.deepEqual(others, []);
        assert.match(sentence, /^\w+ is "(http:\/\/|grpc:\/\/)?…@collector:431[78]": expected /);
        assert.doesNotMatch(sentence, /s3|cret/);
      }
    });
  }

  test("in a URL's query is not shown either, when the URL is invalid", () => {
    for (const url of [
      "htps://h/v1?sig=s3cret",
      "https//h/v1?sig=s3cret",
      "https:h:x?sig=s3cret#",
    ]) {
      const [sentence = ""] = problemsOf({ OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: url });
      assert.match(sentence, /\?…": expected /);
      assert.doesNotMatch(sentence, /s3cret/);
    }
  });

  test("must be in a header, and not in a URL", () => {
    const [sentence] = problemsOf({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://a:b@collector" });
    assert.equal(
      sentence,
      'OTEL_EXPORTER_OTLP_ENDPOINT is "http://…@collector": expected a URL without a name or password: give those as a header.',
    );
  });
});

describe("the descriptions", () => {
  test("have an explanation and the default of each setting", () => {
    for (const { names, explanation, default: fallback } of SETTING_DESCRIPTIONS) {
      assert.match(explanation, /^[A-Z`][^\n]*\.$/, names[0]);
      assert.notEqual(fallback, "", names[0]);
    }
  });

  test("name every variable once", () => {
    const names = SETTING_DESCRIPTIONS.flatMap((description) => description.names);
    assert.deepEqual(names, [...new Set(names)]);
  });
});
