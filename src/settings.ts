/**
 * Every environment variable the agent reads: its default, its check, its explanation. `--help`
 * prints this table, and `npm run docs` writes it into docs/settings.md.
 */
import { CHRONY_ADDRESS_FORM, parseChronyAddress } from "./chrony/address.ts";
import { LOG_LEVELS } from "./log.ts";
import { shownAddress } from "./redact.ts";
import { failure, type Result, success } from "./result.ts";
import {
  anyText,
  because,
  hostList,
  httpUrl,
  keyValueList,
  listOf,
  noneOr,
  oneOf,
  type ParseText,
  secondsBetween,
  wholeNumberBetween,
} from "./setting-parsers.ts";

/** One environment variable, as documented. */
export type SettingDescription = {
  /** Its name; where there are several, the first that is set counts. */
  readonly names: readonly [string, ...string[]];
  /** The default, in words or as it would be written. */
  readonly default: string;
  readonly explanation: string;
  /** The value may hold a secret and is never shown. */
  readonly secret?: true;
};

/** A setting whose default is written and checked like any other value. */
type SettingWithDefault<Value> = SettingDescription & {
  readonly required: true;
  readonly parse: ParseText<Value>;
};

/** A setting that may be absent; `default` describes what applies then. */
type OptionalSetting<Value> = SettingDescription & {
  readonly required: false;
  readonly parse: ParseText<Value>;
};

/** A dead chronyd is noticed after three polls, so at most after three minutes. */
const LONGEST_SLEEP_INTERVAL_SECONDS = 60;

const NTP_PORT = 123;

/** The most servers that are asked; each gets one datagram an interval. */
export const MOST_UTC_CHECK_SERVERS = 8;

/** The default of NTP clients as well (`minpoll 6`). */
const SHORTEST_UTC_CHECK_INTERVAL_SECONDS = 64;

const table = {
  chronyAddress: withDefault({
    names: ["CHRONY_ADDRESS"],
    default: "unix:///run/chrony/chronyd.sock",
    explanation: `Where chronyd answers: ${CHRONY_ADDRESS_FORM}.`,
    parse: parseChronyAddress,
  }),
  sleepIntervalMs: withDefault({
    names: ["SLEEP_INTERVAL"],
    default: "1",
    explanation:
      "Seconds between two polls of chronyd; from 0.1 to 60, at most the export interval.",
    parse: secondsBetween(0.1, LONGEST_SLEEP_INTERVAL_SECONDS),
  }),
  metricGroups: withDefault({
    names: ["CHRONY_METRICS"],
    default: "tracking,sources",
    explanation:
      "The optional reports: any of `tracking`, `sources`, `sourcestats`, `ntpdata`, `serverstats`, `activity`, with commas, or `none`.",
    parse: noneOr(
      listOf(["tracking", "sources", "sourcestats", "ntpdata", "serverstats", "activity"]),
    ),
  }),
  utcCheckServers: optional({
    names: ["UTC_CHECK_SERVERS"],
    default: "none",
    explanation: `NTP servers that the agent compares the clock with, apart from chronyd (docs/utc-check.md): HOST, HOST:PORT or [IPV6]:PORT, up to ${MOST_UTC_CHECK_SERVERS} with commas.`,
    parse: hostList(MOST_UTC_CHECK_SERVERS, NTP_PORT),
  }),
  utcCheckIntervalMs: withDefault({
    names: ["UTC_CHECK_INTERVAL"],
    default: "900",
    explanation: `Seconds between two requests to each server; from ${SHORTEST_UTC_CHECK_INTERVAL_SECONDS} to 86400.`,
    parse: secondsBetween(SHORTEST_UTC_CHECK_INTERVAL_SECONDS, 86_400),
  }),
  metricsExporters: withDefault({
    names: ["OTEL_METRICS_EXPORTER"],
    default: "otlp,prometheus",
    explanation:
      "`otlp` pushes to a collector, `prometheus` serves /metrics. One of them, or both with a comma.",
    parse: listOf(["otlp", "prometheus"]),
  }),
  exportIntervalMs: withDefault({
    names: ["OTEL_METRIC_EXPORT_INTERVAL"],
    default: "30000",
    explanation: "Milliseconds between two pushes; 100 or more.",
    parse: wholeNumberBetween(100, 86_400_000),
  }),
  exportTimeoutMs: optional({
    names: ["OTEL_METRIC_EXPORT_TIMEOUT"],
    default: "20000, or the export interval where that is shorter",
    explanation: "Longest time of a push in milliseconds; at most the export interval.",
    parse: wholeNumberBetween(100, 86_400_000),
  }),
  backlogMaxAgeMs: withDefault({
    names: ["BACKLOG_MAX_AGE"],
    default: "1140",
    explanation:
      "Longest time in seconds that points wait while pushes fail; from 1 to 86400. Azure accepts nothing older than 1200.",
    parse: secondsBetween(1, 86_400),
  }),
  backlogMaxBytes: withDefault({
    names: ["BACKLOG_MAX_BYTES"],
    default: "4194304",
    explanation: "Most memory in bytes for the points that wait; 65536 or more.",
    parse: wholeNumberBetween(65_536, 2 ** 30),
  }),
  otlpProtocol: withDefault({
    names: ["OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"],
    default: "http/json",
    explanation: "Encoding of a push: only `http/json`.",
    parse: because(
      oneOf(["http/json"]),
      "the agent ends series by a flag that OpenTelemetry's protobuf and gRPC exporters cannot write",
    ),
  }),
  otlpEndpoint: withDefault({
    names: ["OTEL_EXPORTER_OTLP_ENDPOINT"],
    default: "http://localhost:4318",
    explanation: "The collector's address; `/v1/metrics` is appended.",
    parse: httpUrl,
  }),
  otlpMetricsEndpoint: optional({
    names: ["OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"],
    default: "made from OTEL_EXPORTER_OTLP_ENDPOINT",
    explanation: "The complete address for metrics, used unchanged.",
    parse: httpUrl,
  }),
  otlpHeaders: optional({
    names: ["OTEL_EXPORTER_OTLP_METRICS_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"],
    default: "none",
    explanation: "Headers of a push: NAME=VALUE, several with commas, percent-encoded.",
    secret: true,
    parse: keyValueList(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, /^[\t\x20-\x7e]*$/),
  }),
  otlpTimeoutMs: optional({
    names: ["OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"],
    default: "the export timeout",
    explanation: "Longest time of one request in milliseconds; at most the export timeout.",
    parse: wholeNumberBetween(1, 86_400_000),
  }),
  otlpCompression: withDefault({
    names: ["OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", "OTEL_EXPORTER_OTLP_COMPRESSION"],
    default: "none",
    explanation: "`gzip` or `none`.",
    parse: oneOf(["gzip", "none"]),
  }),
  otlpCertificateFile: optional({
    names: ["OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE", "OTEL_EXPORTER_OTLP_CERTIFICATE"],
    default: "the CAs that Node.js trusts",
    explanation: "File with the CA of the collector's certificate (PEM), read for each push.",
    parse: anyText,
  }),
  otlpClientCertificateFile: optional({
    names: [
      "OTEL_EXPORTER_OTLP_METRICS_CLIENT_CERTIFICATE",
      "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
    ],
    default: "none",
    explanation: "File with the agent's own certificate (PEM), read for each push.",
    parse: anyText,
  }),
  otlpClientKeyFile: optional({
    names: ["OTEL_EXPORTER_OTLP_METRICS_CLIENT_KEY", "OTEL_EXPORTER_OTLP_CLIENT_KEY"],
    default: "none",
    explanation: "File with the key of that certificate (PEM), read for each push.",
    parse: anyText,
  }),
  collectorTokenFile: optional({
    names: ["COLLECTOR_TOKEN_FILE"],
    default: "none",
    explanation: "File with a bearer token for the collector, read for each push.",
    parse: anyText,
  }),
  prometheusHost: optional({
    names: ["OTEL_EXPORTER_PROMETHEUS_HOST"],
    default: "all addresses, IPv6 and IPv4",
    explanation: "The address that /metrics and the probes listen on.",
    parse: anyText,
  }),
  prometheusPort: withDefault({
    names: ["OTEL_EXPORTER_PROMETHEUS_PORT"],
    default: "9464",
    explanation: "Its port. The probes use it even with `otlp` alone.",
    parse: wholeNumberBetween(1, 65_535),
  }),
  serviceName: optional({
    names: ["OTEL_SERVICE_NAME"],
    default: "`service.name` of the resource attributes, else chrony-tracker",
    explanation: "Becomes the label `job` of pushed series.",
    parse: anyText,
  }),
  resourceAttributes: optional({
    names: ["OTEL_RESOURCE_ATTRIBUTES"],
    default: "none",
    explanation:
      "The resource: NAME=VALUE, several with commas, percent-encoded. `k8s.node.name` becomes the label `instance`.",
    parse: keyValueList(/^[\x21-\x7e]+$/, /^[^\0]*$/),
  }),
  logLevel: withDefault({
    names: ["OTEL_LOG_LEVEL"],
    default: "info",
    explanation:
      "`none`, `error`, `warn`, `info` or `debug`; `verbose` and `all` mean `debug`. Case does not matter.",
    parse: oneOf(LOG_LEVELS),
  }),
};

type ValueOf<Entry> =
  Entry extends SettingWithDefault<infer Value>
    ? Value
    : Entry extends OptionalSetting<infer Value>
      ? Value | undefined
      : never;

type Given = { readonly [Key in keyof typeof table]: ValueOf<(typeof table)[Key]> };

/** The push's destination and how requests are sent. */
export type OtlpSettings = {
  readonly url: string;
  readonly compression: Given["otlpCompression"];
  readonly headers: Readonly<Record<string, string>>;
  /** How long one request may take, in milliseconds. */
  readonly timeoutMs: number;
  readonly certificateFile: string | undefined;
  readonly clientCertificateFile: string | undefined;
  readonly clientKeyFile: string | undefined;
  readonly tokenFile: string | undefined;
};

/** Rows of the table that are combined into one setting. */
type Combined =
  | "metricsExporters"
  | "exportTimeoutMs"
  | "resourceAttributes"
  | "collectorTokenFile"
  | Extract<keyof Given, `otlp${string}`>;

/** The checked settings: those of the table, under its names, and what is combined of several. */
export type Settings = Omit<Given, Combined> & {
  readonly pushes: boolean;
  readonly servesMetrics: boolean;
  /** The longest time of a push, in milliseconds. */
  readonly exportTimeoutMs: number;
  readonly otlp: OtlpSettings;
  readonly resourceAttributes: Readonly<Record<string, string>>;
};

/** The settings as rows for people, in the order of the table. */
export const SETTING_DESCRIPTIONS: readonly SettingDescription[] = Object.values(table);

const LONGEST_DEFAULT_EXPORT_TIMEOUT_MS = 20_000;

/**
 * The settings that an environment gives.
 * @returns all of them, or a sentence for each invalid one: the variable, the value, what is allowed
 */
export function readSettings(
  environment: Readonly<Record<string, string | undefined>>,
): Result<Settings, readonly string[]> {
  const problems: string[] = unknownSettings(environment);
  const values: Record<string, unknown> = {};
  for (const [key, entry] of Object.entries(table)) {
    const variable = firstSet(entry, environment);
    if (variable === undefined) {
      values[key] = entry.required ? valueOfDefault(entry) : undefined;
      continue;
    }
    const { name, text } = variable;
    const parsed = entry.parse(text);
    if (parsed.ok) {
      values[key] = parsed.value;
    } else {
      problems.push(problem(name, shown(entry, text), parsed.error));
    }
  }
  if (problems.length > 0) {
    return failure([...problems, ...conflicts(values as Partial<Given>, environment)]);
  }
  const given = values as Given;
  const contradictions = conflicts(given, environment);
  return contradictions.length > 0 ? failure(contradictions) : success(combine(given));
}

/** The first variable of a setting that is set. An empty one is not, as OpenTelemetry specifies. */
function firstSet(
  { names }: SettingDescription,
  environment: Readonly<Record<string, string | undefined>>,
): { readonly name: string; readonly text: string } | undefined {
  for (const name of names) {
    const text = environment[name];
    if (text !== undefined && text !== "") {
      return { name, text };
    }
  }
  return undefined;
}

/** The names of all settings. */
const NAMES: readonly string[] = Object.values(table).flatMap(({ names }) => names);

/** Variables of other programs that begin as ours do: of the demo and the tests, and Kubernetes' service links. */
const FOREIGN =
  /^CHRONY_TRACKER_|_SERVICE_(?:HOST|PORT(?:_\w+)?)$|_PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_\w+)?)?$/;

/** So many letters may differ in a misspelt name of OpenTelemetry's. Its own names differ by more. */
const MOST_MISSPELT_LETTERS = 2;

/**
 * Variables that set nothing and look as if they did, because that is seen only when a clock is wrong:
 * all that begin as a setting of ours does, and misspelt ones of OpenTelemetry's.
 */
function unknownSettings(environment: Readonly<Record<string, string | undefined>>): string[] {
  const given = Object.keys(environment).filter((name) => (environment[name] ?? "") !== "");
  return given.flatMap((name) => {
    const meant = NAMES.includes(name) ? [] : namesMeantBy(name);
    return meant.length === 0
      ? []
      : [`${name} is not a setting: expected ${meant.join(" or ")}, or remove it.`];
  });
}

/** The settings that somebody who wrote an unknown name can have meant. */
function namesMeantBy(name: string): string[] {
  if (FOREIGN.test(name)) {
    return [];
  }
  return NAMES.filter((known) => {
    const prefix = known.slice(0, known.indexOf("_") + 1);
    return (
      name.startsWith(prefix) &&
      (prefix !== "OTEL_" || differsByAtMost(MOST_MISSPELT_LETTERS, name, known))
    );
  });
}

/** Whether so many letters, put in, taken out or replaced, make one text of the other (Levenshtein). */
function differsByAtMost(letters: number, one: string, other: string): boolean {
  if (one === other) {
    return true;
  }
  if (letters === 0) {
    return false;
  }
  const [rest, otherRest] = [one.slice(1), other.slice(1)];
  if (one[0] === other[0]) {
    return differsByAtMost(letters, rest, otherRest);
  }
  const left = letters - 1;
  return (
    differsByAtMost(left, rest, other) ||
    differsByAtMost(left, one, otherRest) ||
    differsByAtMost(left, rest, otherRest)
  );
}

/** What two settings say against each other; a setting that is bad by itself is left out. */
function conflicts(
  given: Partial<Given>,
  environment: Readonly<Record<string, string | undefined>>,
): string[] {
  const found: string[] = [];
  const { sleepIntervalMs, exportIntervalMs, exportTimeoutMs } = given;
  if (exportIntervalMs !== undefined) {
    if (sleepIntervalMs !== undefined && sleepIntervalMs > exportIntervalMs) {
      found.push(
        problem(
          "SLEEP_INTERVAL",
          `${sleepIntervalMs / 1000}`,
          `expected at most the export interval (OTEL_METRIC_EXPORT_INTERVAL is ${exportIntervalMs} ms)`,
        ),
      );
    }
    if (exportTimeoutMs !== undefined && exportTimeoutMs > exportIntervalMs) {
      found.push(
        problem(
          "OTEL_METRIC_EXPORT_TIMEOUT",
          `${exportTimeoutMs}`,
          `expected at most the export interval (OTEL_METRIC_EXPORT_INTERVAL is ${exportIntervalMs} ms)`,
        ),
      );
    }
  }
  const certificate = firstSet(table.otlpClientCertificateFile, environment);
  const key = firstSet(table.otlpClientKeyFile, environment);
  if (certificate !== undefined && key === undefined) {
    const { name, text } = certificate;
    found.push(problem(name, quoted(text), "expected a client key file beside it"));
  }
  if (key !== undefined && certificate === undefined) {
    const { name, text } = key;
    found.push(problem(name, quoted(text), "expected a client certificate file beside it"));
  }
  return found;
}

function combine(given: Given): Settings {
  const exportTimeoutMs =
    given.exportTimeoutMs ?? Math.min(LONGEST_DEFAULT_EXPORT_TIMEOUT_MS, given.exportIntervalMs);
  return {
    ...given,
    exportTimeoutMs,
    pushes: given.metricsExporters.includes("otlp"),
    servesMetrics: given.metricsExporters.includes("prometheus"),
    otlp: {
      url: given.otlpMetricsEndpoint ?? metricsUrl(given.otlpEndpoint),
      compression: given.otlpCompression,
      headers: given.otlpHeaders ?? {},
      timeoutMs: Math.min(given.otlpTimeoutMs ?? exportTimeoutMs, exportTimeoutMs),
      certificateFile: given.otlpCertificateFile,
      clientCertificateFile: given.otlpClientCertificateFile,
      clientKeyFile: given.otlpClientKeyFile,
      tokenFile: given.collectorTokenFile,
    },
    resourceAttributes: given.resourceAttributes ?? {},
  };
}

function metricsUrl(endpoint: string): string {
  const url = new URL(endpoint);
  url.pathname = `${url.pathname.replace(/\/+$/, "")}/v1/metrics`;
  return url.href;
}

function withDefault<Value>(
  entry: Omit<SettingWithDefault<Value>, "required">,
): SettingWithDefault<Value> {
  return { ...entry, required: true };
}

function optional<Value>(entry: Omit<OptionalSetting<Value>, "required">): OptionalSetting<Value> {
  return { ...entry, required: false };
}

function valueOfDefault(entry: SettingWithDefault<unknown>): unknown {
  const parsed = entry.parse(entry.default);
  if (!parsed.ok) {
    throw new Error(`The default of ${entry.names[0]} is not allowed: ${parsed.error}.`);
  }
  return parsed.value;
}

function problem(name: string, value: string, allowed: string): string {
  return `${name} is ${value}: ${allowed}.`;
}

function shown(entry: SettingDescription, text: string): string {
  if (entry.secret) {
    return "not shown, as it may hold a secret";
  }
  return quoted(text);
}

/** As it was given, but for what must not be shown of an address, however it is misspelt. */
function quoted(text: string): string {
  return JSON.stringify(shownAddress(text));
}
