// OTLP by hand, as JSON, as an agent or another sender could send it to the collector.

const REQUEST_MS = 30_000;

/** One point of a series. */
export type Point = {
  /** Its time by the sender's clock, in milliseconds since 1970. */
  readonly timeMs: number;
  readonly value: number | "ends";
  readonly attributes?: Readonly<Record<string, string>>;
};

/** A metric in OTLP's JSON. */
export type Metric = Readonly<Record<string, unknown>>;

/** One push. */
export type Push = {
  readonly metrics: readonly Metric[];
  /** Added to the resource of {@link nodeResource}, or to an empty one. */
  readonly resource: Readonly<Record<string, string>>;
  /** The header `x-chrony-tracker-sent-us`, unchanged; not sent when left out. */
  readonly sent?: string;
  /** The bearer token; not sent when left out. */
  readonly token?: string;
};

/** The collector's answer. */
export type PushAnswer = {
  readonly status: number;
  readonly body: string;
};

/** The resource of an agent on the node `nodeName`. */
export function nodeResource(nodeName: string): Record<string, string> {
  return {
    "service.name": "chrony-tracker",
    "service.instance.id": nodeName,
    "service.version": "0.1.0",
    "k8s.node.name": nodeName,
    "k8s.namespace.name": "chrony-tracker",
    "k8s.pod.name": `agent-${nodeName}`,
  };
}

/** A gauge with its points. */
export function gauge(name: string, ...points: Point[]): Metric {
  return { name, gauge: { dataPoints: points.map(encodePoint) } };
}

/** A cumulative counter with its points. */
export function counter(name: string, ...points: Point[]): Metric {
  return {
    name,
    sum: { aggregationTemporality: 2, isMonotonic: true, dataPoints: points.map(encodePoint) },
  };
}

/** The header's value of a sender whose clock shows `timeMs`. */
export function sentHeader(timeMs: number): string {
  return String(timeMs * 1_000);
}

/** The resource of one sender, and its metrics. */
export type ResourceMetrics = Pick<Push, "resource" | "metrics">;

/** Sends one push, and returns the answer. */
export async function push(
  otlpUrl: string,
  { metrics, resource, sent, token }: Push,
): Promise<PushAnswer> {
  return pushAll(otlpUrl, [{ metrics, resource }], { sent, token });
}

/** The same with several resources in one request. */
export async function pushAll(
  otlpUrl: string,
  resourceMetrics: readonly ResourceMetrics[],
  {
    sent,
    token,
  }: {
    readonly [header in "sent" | "token"]?: string | undefined;
  },
): Promise<PushAnswer> {
  const body = {
    resourceMetrics: resourceMetrics.map(({ resource, metrics }) => ({
      resource: { attributes: encodeAttributes(resource) },
      scopeMetrics: [{ scope: { name: "by hand" }, metrics }],
    })),
  };
  const response = await fetch(`${otlpUrl}/v1/metrics`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...(sent === undefined ? {} : { "x-chrony-tracker-sent-us": sent }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(REQUEST_MS),
  });
  return { status: response.status, body: await response.text() };
}

function encodePoint({ timeMs, value, attributes = {} }: Point): object {
  return {
    timeUnixNano: `${timeMs}000000`,
    // "No recorded value": the series ends.
    ...(value === "ends" ? { flags: 1 } : { asDouble: value }),
    attributes: encodeAttributes(attributes),
  };
}

/** Text attributes in OTLP's JSON. */
export function encodeAttributes(attributes: Readonly<Record<string, string>>): object[] {
  return Object.entries(attributes).map(([key, value]) => ({
    key,
    value: { stringValue: value },
  }));
}
