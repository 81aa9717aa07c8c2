/**
 * The optional reports: everything but TRACKING. They are read over one open client, one request
 * after another.
 *
 * chronyd reports sources by index, one per request, and the list may change between two requests. So
 * sources are identified by what stays the same (source.ts), and the list is read backwards. chronyd
 * adds sources at the end and moves them towards the start when one is removed: reading backwards may
 * see a source twice, but never misses one that was there throughout.
 */
import { failure, type Result, success } from "../result.ts";
import { type Activity, activity } from "./activity.ts";
import { type ChronyError, describeChronyError } from "./chrony-error.ts";
import type { ChronyClient } from "./client.ts";
import { type NtpData, ntpData } from "./ntp-data.ts";
import { numberOfSources } from "./number-of-sources.ts";
import type { Report } from "./packet.ts";
import { isNoSuchSource, isRefusal } from "./report-refusal.ts";
import { type ServerStatistics, serverStatistics } from "./server-statistics.ts";
import { type Source, sourceText } from "./source.ts";
import { type SourceData, sourceData } from "./source-data.ts";
import { sourceName } from "./source-name.ts";
import type { SourceNames } from "./source-names.ts";
import { type SourceStatistics, sourceStatistics } from "./source-statistics.ts";

/** The reports of one poll, under their names in CHRONY_METRICS; `undefined` if not requested. */
export type OptionalReports = {
  readonly sources: OfSources<SourceData> | undefined;
  readonly sourcestats: OfSources<SourceStatistics> | undefined;
  /** NTP sources only. */
  readonly ntpdata: OfSources<NtpData> | undefined;
  readonly serverstats: Result<ServerStatistics, ReportFault> | undefined;
  readonly activity: Result<Activity, ReportFault> | undefined;
  /** How many sources were left out because there are more than {@link MOST_SOURCES}. */
  readonly sourcesLeftOut: number | undefined;
};

export type OptionalReport = Exclude<keyof OptionalReports, "sourcesLeftOut">;

/**
 * One report per source, in chronyd's order. Unresolved sources and those beyond {@link MOST_SOURCES}
 * are left out, but never the one that the clock follows.
 */
export type OfSources<Content> = Result<readonly OfSource<Content>[], ReportFault>;

export type OfSource<Content> = {
  /**
   * An address, or a reference clock's id, as in chrony_exporter's labels. The second reference clock
   * with the id `PPS` is `PPS#2`.
   */
  readonly address: string;
  /** chronyd's name for the source; its address if it has no name. */
  readonly name: string;
  readonly content: Content;
};

/** Why there is no report. */
export type ReportFault =
  /** This transport or this version of chrony does not offer the report. The next poll can skip it. */
  | { readonly kind: "not available"; readonly error: ChronyError }
  /** The next poll may succeed. */
  | { readonly kind: "failed"; readonly error: ChronyError }
  /** Reading the reports took longer than the caller allows. */
  | { readonly kind: "out of time"; readonly longestMs: number };

/** One sentence: what was tried, what was found, what to do. */
export function describeReportFault(fault: ReportFault): string {
  switch (fault.kind) {
    case "not available":
    case "failed":
      return describeChronyError(fault.error);
    case "out of time":
      return `chronyd took longer than ${fault.longestMs} ms for its reports: it is overloaded, or it has very many sources.`;
  }
}

/** The most sources that are read, because each costs a request and several series. */
export const MOST_SOURCES = 300;

export type OptionalReportsOptions = {
  readonly wanted: ReadonlySet<OptionalReport>;
  /** Owned by the caller and reused for every poll of one chronyd. */
  readonly names: SourceNames;
  /** The index of the followed source, if known: it is never left out. */
  readonly followedIndex: number | undefined;
  /** No request is sent after this time. The last answer may take a second longer. */
  readonly longestMs: number;
};

/** Reads the requested reports. If one fails, the others are still read. */
export async function readOptionalReports(
  client: ChronyClient,
  { wanted, names, followedIndex, longestMs }: OptionalReportsOptions,
): Promise<OptionalReports> {
  const questions = new Questions(client, longestMs);
  const count: SourceCount = { found: undefined, followedIndex };
  const ofServer = wanted.has("serverstats") ? await questions.ask(serverStatistics) : undefined;
  const ofActivity = wanted.has("activity") ? await questions.ask(activity) : undefined;

  const wantsSources = wanted.has("sources") || wanted.has("sourcestats") || wanted.has("ntpdata");
  const sources = wantsSources ? await readSources(questions, count, names) : undefined;
  const ofEach = async <Content>(read: ReadOfSources<Content>) =>
    sources?.ok === true ? await read(questions, count, sources.value) : sources;
  return {
    sources: wanted.has("sources") ? sources : undefined,
    sourcestats: wanted.has("sourcestats") ? await ofEach(readStatistics) : undefined,
    ntpdata: wanted.has("ntpdata") ? await ofEach(readNtpData) : undefined,
    serverstats: ofServer,
    activity: ofActivity,
    sourcesLeftOut: count.found && count.found - indicesOf(count.found, followedIndex).length,
  };
}

/** The last known number of sources, and the one that is never left out. */
type SourceCount = { found: number | undefined; readonly followedIndex: number | undefined };

/** The indices to read, last first. */
function indicesOf(found: number, followedIndex: number | undefined): readonly number[] {
  const first = Array.from({ length: Math.min(found, MOST_SOURCES) }, (_, index) => index);
  const isBeyond =
    followedIndex !== undefined && followedIndex >= MOST_SOURCES && followedIndex < found;
  return (isBeyond ? [...first, followedIndex] : first).toReversed();
}

/** Reads another report for sources that were just seen. */
type ReadOfSources<Content> = (
  questions: Questions,
  count: SourceCount,
  sources: readonly OfSource<SourceData>[],
) => Promise<OfSources<Content>>;

async function readSources(
  questions: Questions,
  count: SourceCount,
  names: SourceNames,
): Promise<OfSources<SourceData>> {
  const found = await askOfEachIndex(questions, count, sourceData);
  if (!found.ok) {
    return found;
  }
  names.keepOnly(found.value);
  const sources: OfSource<SourceData>[] = [];
  for (const [address, content] of found.value) {
    const name = await nameOf(questions, names, address, content.source);
    if (name.ok) {
      sources.push({ address, name: name.value, content });
    } else if (!isNoSuch(name.error)) {
      return name;
    }
  }
  return success(sources);
}

/** Joined by address, because another source may be at the index by now. */
async function readStatistics(
  questions: Questions,
  count: SourceCount,
  sources: readonly OfSource<SourceData>[],
): Promise<OfSources<SourceStatistics>> {
  const found = await askOfEachIndex(questions, count, sourceStatistics);
  if (!found.ok) {
    return found;
  }
  return success(
    sources.flatMap(({ address, name }) => {
      const content = found.value.get(address);
      return content === undefined ? [] : [{ address, name, content }];
    }),
  );
}

async function readNtpData(
  questions: Questions,
  _count: SourceCount,
  sources: readonly OfSource<SourceData>[],
): Promise<OfSources<NtpData>> {
  const reports: OfSource<NtpData>[] = [];
  for (const { address, name, content } of sources) {
    if (content.source.kind !== "ntp") {
      continue;
    }
    const answer = await questions.ask(ntpData(content.source.address));
    if (answer.ok) {
      reports.push({ address, name, content: answer.value });
    } else if (!isNoSuch(answer.error)) {
      return answer;
    }
  }
  return success(reports);
}

/** The answers for all indices in chronyd's order, keyed by the address of the source. */
async function askOfEachIndex<Content extends { readonly source: Source }>(
  questions: Questions,
  count: SourceCount,
  reportAt: (index: number) => Report<Content>,
): Promise<Result<ReadonlyMap<string, Content>, ReportFault>> {
  const found = await questions.ask(numberOfSources);
  if (!found.ok) {
    return found;
  }
  count.found = found.value;
  const contents: Content[] = [];
  for (const index of indicesOf(count.found, count.followedIndex)) {
    const answer = await questions.ask(reportAt(index));
    if (!answer.ok && !isNoSuch(answer.error)) {
      return answer;
    }
    if (answer.ok && answer.value.source.kind !== "unresolved") {
      contents.push(answer.value);
    }
  }
  return success(byAddress(contents.toReversed()));
}

/**
 * An NTP source that appears twice moved because another one was removed. Reference clocks are never
 * removed, so two with the same id are two clocks.
 */
function byAddress<Content extends { readonly source: Source }>(
  contents: readonly Content[],
): ReadonlyMap<string, Content> {
  const found = new Map<string, Content>();
  for (const content of contents) {
    const text = sourceText(content.source);
    let address = text;
    for (
      let number = 2;
      content.source.kind === "reference clock" && found.has(address);
      number += 1
    ) {
      address = `${text}#${number}`;
    }
    found.set(address, content);
  }
  return found;
}

/** The name of a source, requested from chronyd when it is not cached; the address when it has none. */
async function nameOf(
  questions: Questions,
  names: SourceNames,
  address: string,
  source: Source,
): Promise<Result<string, ReportFault>> {
  if (source.kind !== "ntp") {
    return success(address);
  }
  const known = names.get(address, performance.now());
  if (known !== undefined) {
    return success(known);
  }
  const answer = await questions.ask(sourceName(source.address));
  if (!answer.ok && !isNameless(answer.error)) {
    return answer;
  }
  const name = answer.ok ? answer.value : address;
  names.set(address, name, performance.now());
  return success(name);
}

/** Sends one request after another until the time is used up. */
class Questions {
  readonly #client: ChronyClient;
  readonly #longestMs: number;
  readonly #endMs: number;
  /** Set once chronyd does not answer: nothing more is requested in this poll. */
  #silence: ReportFault | undefined;

  constructor(client: ChronyClient, longestMs: number) {
    this.#client = client;
    this.#longestMs = longestMs;
    this.#endMs = performance.now() + longestMs;
  }

  async ask<Content>(report: Report<Content>): Promise<Result<Content, ReportFault>> {
    if (this.#silence !== undefined) {
      return failure(this.#silence);
    }
    if (performance.now() >= this.#endMs) {
      return failure({ kind: "out of time", longestMs: this.#longestMs });
    }
    const answer = await this.#client.ask(report);
    if (answer.ok) {
      return answer;
    }
    const { error } = answer;
    const fault: ReportFault = { kind: isRefusal(error) ? "not available" : "failed", error };
    if (error.kind === "timed out") {
      this.#silence = fault;
    }
    return failure(fault);
  }
}

/** Whether a source was removed between two requests. */
function isNoSuch(fault: ReportFault): boolean {
  return fault.kind === "failed" && isNoSuchSource(fault.error);
}

/** Whether chronyd has no name for the source, or none that can be shown. */
function isNameless(fault: ReportFault): boolean {
  return (
    fault.kind === "not available" ||
    (fault.kind === "failed" && fault.error.kind === "invalid field")
  );
}
