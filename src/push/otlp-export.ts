/**
 * One push by OTLP over HTTP: an exporter and a connection of its own, gone afterwards. So
 * certificates and tokens that were replaced are followed, agents spread over the collector's
 * replicas, and nothing of a push that hangs outlives it.
 */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import {
  type ClientRequest,
  Agent as HttpAgent,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { type ExportResult, ExportResultCode } from "@opentelemetry/core";
import { OTLPMetricExporter as JsonExporter } from "@opentelemetry/exporter-metrics-otlp-http";
import { OTLPMetricExporter as ProtobufExporter } from "@opentelemetry/exporter-metrics-otlp-proto";
import type { ResourceMetrics } from "@opentelemetry/sdk-metrics";
import type { ClockPair } from "../clock/clock-pair.ts";
import { redact, type Secrets, secretsIn } from "../redact.ts";
import { failure, type Result, success } from "../result.ts";
import type { OtlpSettings } from "../settings.ts";
import { readSystemClocks } from "../system-clocks.ts";
import { VERSION } from "../version.ts";
import type { CollectorClock } from "./collector-clock.ts";
import type { PushError } from "./push-error.ts";

/**
 * The header with the agent's wall clock when an attempt is sent, in whole microseconds since 1970.
 * It goes on by the monotonic clock from when the request was made: a step in between would put the
 * request's points, which have it not, at a wrong time. The shipped collector compares its own clock
 * with it (otel-collector/common.yaml).
 */
const SENT_HEADER = "x-chrony-tracker-sent-us";

/**
 * The header that tells the shipped collector to leave points at their times: the clocks are known to
 * agree, so that a late arrival is the way's doing.
 */
const CLOCK_HEADER = "x-chrony-tracker-clock";

/** A shorter text would cut an explanation, a longer one would fill the log. */
const LONGEST_DETAIL = 300;

/** A token is a thousand bytes or two, a bundle of all authorities a quarter of a million. */
const LONGEST_FILE_BYTES = 1024 * 1024;

/**
 * Pushes once, with the exporter's own retries.
 * @param limitMs when it ends at the latest, in milliseconds
 * @param clocks the clocks by which the points have their times
 * @param collectorClock what is known of the collector's clock; learns from each answer
 * @param cut ends it early: it counts as timed out
 */
export async function exportOnce(
  settings: OtlpSettings,
  metrics: ResourceMetrics,
  limitMs: number,
  clocks: ClockPair,
  collectorClock: CollectorClock,
  cut?: AbortSignal,
): Promise<Result<void, PushError>> {
  const agent = await connectionAgent(settings);
  if (!agent.ok) {
    return agent;
  }
  let askedMs = performance.now();
  const lastStatus = watchStatus(agent.value, ({ date }) =>
    collectorClock.answered(date, askedMs, readSystemClocks()),
  );
  let ended = false;
  let tokenError: PushError | undefined;
  let secrets: Secrets = [];
  const headers = async () => {
    lastStatus.forget();
    const token = await bearerToken(settings.tokenFile);
    if (!token.ok) {
      tokenError = token.error;
      throw new Error(token.error.kind);
    }
    if (ended) {
      // The exporter waits between its attempts, and cannot be told to stop.
      throw new Error("The push is over.");
    }
    const sent = { ...settings.headers, ...token.value };
    secrets = secretsIn({ url: settings.url, headers: sent });
    askedMs = performance.now();
    return {
      ...sent,
      [SENT_HEADER]: String(microsecondsNow(clocks)),
      ...(collectorClock.agreesWith(clocks) && { [CLOCK_HEADER]: "agrees" }),
    };
  };
  const exporter = new (settings.protocol === "http/protobuf" ? ProtobufExporter : JsonExporter)({
    url: settings.url,
    headers,
    timeoutMillis: settings.timeoutMs,
    // The package's enumeration of these two words is not among what it exports.
    compression: settings.compression as never,
    httpAgentOptions: () => agent.value,
    userAgent: `chrony-tracker/${VERSION}`,
  });

  const { promise: limit, resolve: reachLimit } = Promise.withResolvers<"limit">();
  const atLimit = () => reachLimit("limit");
  const timer = setTimeout(atLimit, limitMs);
  cut?.addEventListener("abort", atLimit);
  const result = await Promise.race([
    new Promise<ExportResult>((resolve) => exporter.export(metrics, resolve)),
    limit,
  ]);
  ended = true;
  clearTimeout(timer);
  cut?.removeEventListener("abort", atLimit);
  lastStatus.stop();
  agent.value.destroy();

  if (result === "limit") {
    return failure({ kind: "timed out", url: settings.url, afterMs: limitMs });
  }
  if (result.code === ExportResultCode.SUCCESS) {
    return success(undefined);
  }
  return failure(
    tokenError ?? withoutSecrets(pushError(settings, result.error, lastStatus.value()), secrets),
  );
}

function microsecondsNow({ wallMs, monotonicMs }: ClockPair): number {
  return Math.round((wallMs + performance.now() - monotonicMs) * 1000);
}

/** A backend may quote what it was sent, and the error goes into the log. */
function withoutSecrets(error: PushError, secrets: Secrets): PushError {
  return "detail" in error
    ? { ...error, detail: redact(error.detail, secrets).slice(0, LONGEST_DETAIL) }
    : error;
}

async function connectionAgent(
  settings: OtlpSettings,
): Promise<Result<HttpAgent | HttpsAgent, PushError>> {
  if (new URL(settings.url).protocol === "http:") {
    return success(new HttpAgent());
  }
  const [ca, cert, key] = await Promise.all([
    readPem("collector's certificate authority", settings.certificateFile),
    readPem("client certificate", settings.clientCertificateFile),
    readPem("client key", settings.clientKeyFile),
  ]);
  for (const file of [ca, cert, key]) {
    if (!file.ok) {
      return file;
    }
  }
  try {
    return success(
      new HttpsAgent({
        ...(ca.ok && ca.value && { ca: ca.value }),
        ...(cert.ok && cert.value && { cert: cert.value }),
        ...(key.ok && key.value && { key: key.value }),
      }),
    );
  } catch (error) {
    return failure({ kind: "not reached", url: settings.url, detail: detailOf(error) });
  }
}

function readPem(
  purpose: string,
  path: string | undefined,
): Promise<Result<string | undefined, PushError>> {
  return path === undefined ? Promise.resolve(success(undefined)) : readText(purpose, path);
}

async function readText(purpose: string, path: string): Promise<Result<string, PushError>> {
  let file: FileHandle | undefined;
  try {
    // Without waiting for whoever may write to a pipe: a push has to end.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = await file.stat();
    if (!stat.isFile() || stat.size > LONGEST_FILE_BYTES) {
      const detail = stat.isFile() ? `it has ${stat.size} bytes` : "it is no regular file";
      return failure({ kind: "file unreadable", purpose, path, detail });
    }
    return success(await file.readFile("utf8"));
  } catch (error) {
    return failure({ kind: "file unreadable", purpose, path, detail: detailOf(error) });
  } finally {
    await file?.close();
  }
}

async function bearerToken(
  path: string | undefined,
): Promise<Result<{ authorization?: string }, PushError>> {
  if (path === undefined) {
    return success({});
  }
  const text = await readText("collector's token", path);
  if (!text.ok) {
    return text;
  }
  const token = text.value.trim();
  return /^[\x21-\x7e]+$/.test(token)
    ? success({ authorization: `Bearer ${token}` })
    : failure({ kind: "token malformed", path });
}

/**
 * The status of the last answer over an agent: after its retries the exporter does not tell it.
 * @param onHeaders gets the headers of every answer
 */
function watchStatus(
  agent: HttpAgent | HttpsAgent,
  onHeaders: (headers: IncomingHttpHeaders) => void,
): {
  value(): number | undefined;
  /** A new attempt begins: what an earlier one was answered says nothing about it. */
  forget(): void;
  stop(): void;
} {
  let status: number | undefined;
  const onAnswer = (message: unknown) => {
    const { request, response } = message as { request: ClientRequest; response: IncomingMessage };
    if ((request as { agent?: unknown }).agent === agent) {
      status = response.statusCode;
      onHeaders(response.headers);
    }
  };
  subscribe("http.client.response.finish", onAnswer);
  return {
    value: () => status,
    forget: () => {
      status = undefined;
    },
    stop: () => unsubscribe("http.client.response.finish", onAnswer),
  };
}

function pushError(
  settings: OtlpSettings,
  error: Error | undefined,
  lastStatus: number | undefined,
): PushError {
  const { url } = settings;
  if (error?.message === "Request timed out") {
    return { kind: "timed out", url, afterMs: settings.timeoutMs };
  }
  const { code, data } = (error ?? {}) as { code?: unknown; data?: unknown };
  const status = typeof code === "number" ? code : lastStatus;
  if (status !== undefined) {
    return { kind: "answered", url, status, detail: answerText(data) };
  }
  return { kind: "not reached", url, detail: detailOf(error) };
}

/** What a collector says in its answer: the message of a JSON status, else nothing. */
function answerText(body: unknown): string {
  try {
    const { message } = JSON.parse(String(body)) as { message?: unknown };
    return typeof message === "string" ? printable(message) : "";
  } catch {
    return "";
  }
}

function detailOf(error: unknown): string {
  if (!(error instanceof Error)) {
    return printable(String(error));
  }
  // A refused connection to a name with two addresses has a code and an empty message.
  return printable(error.message || ((error as NodeJS.ErrnoException).code ?? error.name));
}

function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]+/g, " ").trim();
}
