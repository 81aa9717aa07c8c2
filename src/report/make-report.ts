/** Makes a report: reads the samples, computes the figures, and hashes what they were computed from. */
import { createHash } from "node:crypto";
import { shownAddress } from "../redact.ts";
import { type Result, success } from "../result.ts";
import { VERSION } from "../version.ts";
import { type BackendError, createBackend } from "./backend.ts";
import { type CollectionProgress, collect } from "./collect.ts";
import { fleetFigures } from "./fleet-figures.ts";
import { type Exceedance, type NodeFigures, nodeFigures } from "./node-figures.ts";
import type { ReportOptions } from "./options.ts";
import { compareNodes, OPEN_METRICS_END, openMetricsLines } from "./raw-series.ts";
import { lacksOf, type Report } from "./report.ts";

/** What is written at once. */
const CHUNK_CHARACTERS = 64 * 1024;

/**
 * @param madeMs the time of making, in milliseconds since 1970
 * @param onSamples gets the samples as OpenMetrics text, piece by piece
 */
export async function makeReport(
  { backend: settings, question, cluster, expected }: ReportOptions,
  madeMs: number,
  onSamples: (text: string) => Promise<void>,
  progress: CollectionProgress,
): Promise<Result<Report, BackendError>> {
  const backend = createBackend(settings);
  const hash = createHash("sha256");
  const nodes: NodeFigures[] = [];
  // What lies around the range: the first sample speaks from the one before it on, and the last moments
  // of the range are spoken of by the first sample behind it.
  const range = {
    fromMs: question.fromMs - question.peakWindowMs,
    toMs: question.toMs + question.peakWindowMs,
  };
  const asked = await collect(
    backend,
    { range, cluster },
    async (samples) => {
      const figures = nodeFigures(samples, question);
      // Of the samples around the range alone nothing may speak of it.
      if (figures.firstSampleMs !== undefined || figures.largest !== undefined) {
        nodes.push(figures);
      }
      let text = "";
      for (const series of samples.series) {
        for (const line of openMetricsLines(series)) {
          text += line;
          if (text.length > CHUNK_CHARACTERS) {
            await take(text);
            text = "";
          }
        }
      }
      await take(text);
    },
    progress,
  );
  if (!asked.ok) {
    return asked;
  }
  await take(OPEN_METRICS_END);

  const missing = expected.filter(
    (name) => !nodes.some(({ node }) => node.name.toLowerCase() === name.toLowerCase()),
  );
  for (const name of missing) {
    const node = { cluster: cluster ?? "", name };
    nodes.push(nodeFigures({ node, series: [] }, question));
  }
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

function byBeginning(one: Exceedance, other: Exceedance): number {
  return one.fromMs - other.fromMs || compareNodes(one.node, other.node);
}
