/** Makes a report: reads the samples, computes the figures, and hashes the samples. */
import { createHash } from "node:crypto";
import { shownAddress } from "../redact.ts";
import { type Result, success } from "../result.ts";
import { VERSION } from "../version.ts";
import { Backend } from "./backend.ts";
import type { BackendError } from "./backend-error.ts";
import { type CollectionProgress, collect } from "./collect.ts";
import type { Exceedance } from "./errors.ts";
import { fleetFigures } from "./fleet-figures.ts";
import { type NodeFigures, nodeFigures } from "./node-figures.ts";
import type { ReportOptions } from "./options.ts";
import { compareNodes, OPEN_METRICS_END, openMetricsLines, type RawSeries } from "./raw-series.ts";
import { lacksOf, type Report } from "./report.ts";

/** How much is hashed and written at once. */
const CHUNK_CHARACTERS = 64 * 1024;

/**
 * Makes a report.
 * @param madeMs the time now, in milliseconds since 1970
 * @param onSamples gets the samples as OpenMetrics text, piece by piece
 */
export async function makeReport(
  { backend: settings, question, cluster, expected }: ReportOptions,
  madeMs: number,
  onSamples: (text: string) => Promise<void>,
  progress: CollectionProgress,
): Promise<Result<Report, BackendError>> {
  const backend = new Backend(settings);
  const hash = createHash("sha256");
  const nodes: NodeFigures[] = [];
  // A window more on both sides: the first sample covers time only if one is before it, and the last
  // moments of the range are covered by the first sample after it.
  const range = {
    fromMs: question.fromMs - question.peakWindowMs,
    toMs: question.toMs + question.peakWindowMs,
  };
  const asked = await collect(
    backend,
    { range, cluster },
    async (samples) => {
      const figures = nodeFigures(samples, question);
      // A node may have samples only before or after the range, which cover nothing of it.
      if (figures.firstSampleMs !== undefined || figures.largest !== undefined) {
        nodes.push(figures);
      }
      for (const text of openMetricsChunks(samples.series)) {
        await take(text);
      }
    },
    progress,
  );
  if (!asked.ok) {
    return asked;
  }
  await take(OPEN_METRICS_END);

  const names = new Set(nodes.map(({ node }) => node.name.toLowerCase()));
  const missing = expected
    .filter((name) => !names.has(name.toLowerCase()))
    .map((name) => ({ node: { cluster: cluster ?? "", name }, series: [] }));
  nodes.push(...missing.map((samples) => nodeFigures(samples, question)));
  nodes.sort((one, other) => compareNodes(one.node, other.node));
  return success({
    version: VERSION,
    madeMs,
    question,
    prometheus: shownAddress(settings.url),
    cluster,
    expected,
    data: {
      sha256: hash.digest("hex"),
      samples: asked.value.reduce((sum, { samples }) => sum + samples, 0),
      asked: asked.value,
      warnings: [...backend.warnings],
      lacks: lacksOf(nodes, asked.value, question),
    },
    fleet: fleetFigures(nodes, question.toMs - question.fromMs),
    nodes,
    exceedances: nodes.flatMap(({ exceedances }) => exceedances).toSorted(byBeginning),
  });

  async function take(text: string): Promise<void> {
    hash.update(text);
    await onSamples(text);
  }
}

function* openMetricsChunks(list: readonly RawSeries[]): Generator<string, void> {
  let text = "";
  for (const series of list) {
    for (const line of openMetricsLines(series)) {
      text += line;
      if (text.length > CHUNK_CHARACTERS) {
        yield text;
        text = "";
      }
    }
  }
  yield text;
}

function byBeginning(one: Exceedance, other: Exceedance): number {
  return one.fromMs - other.fromMs || compareNodes(one.node, other.node);
}
