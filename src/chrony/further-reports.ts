/**
 * One reading of what chronyd knows beyond TRACKING: over one open client, one question after another.
 *
 * chronyd hands its sources out by index, one a question, and they may change in between. So sources
 * are told apart by what stays the same (source.ts), and the list is read from its end: chronyd adds
 * sources at the end and moves them towards the beginning when one is removed, so that going down
 * meets a source twice at worst, and misses none that was there all the time.
 */
import { failure, type Result, success } from "../result.ts";
import { type Activity, activity } from "./activity.ts";
import { type ChronyError, describeChronyError } from "./chrony-error.ts";
import type { ChronyClient } from "./client.ts";
import { type NtpData, ntpData } from "./ntp-data.ts";
import { numberOfSources } from "./number-of-sources.ts";
import type { Report } from "./packet.ts";
import { type ServerStatistics, serverStatistics } from "./server-statistics.ts";
import { type Source, sourceText } from "./source.ts";
import { type SourceData, sourceData } from "./source-data.ts";
import { sourceName } from "./source-name.ts";
import type { SourceNames } from "./source-names.ts";
import { type SourceStatistics, sourceStatistics } from "./source-statistics.ts";

/** A reading's reports, under the names that CHRONY_METRICS has for them; `undefined` are those that were not wanted. */
export type FurtherReports = {
  readonly sources: OfSources<SourceData> | undefined;
  readonly sourcestats: OfSources<SourceStatistics> | undefined;
  /** Of NTP sources only. */
  readonly ntpdata: OfSources<NtpData> | undefined;
  readonly serverstats: Result<ServerStatistics, ReportFault> | undefined;
  readonly activity: Result<Activity, ReportFault> | undefined;
};

export type FurtherReport = keyof FurtherReports;

/**
 * A report of each source, in chronyd's order and each source once (of two reference clocks with the
 * same id, the first). Unresolved sources are left out.
 */
export type OfSources<Content> = Result<readonly OfSource<Content>[], ReportFault>;

export type OfSource<Content> = {
  /** As chrony_exporter labels it: an address, or a reference clock's id. */
  readonly address: string;
  /** What chronyd calls it; the address when chronyd has no name for it. */
  readonly name: string;
  readonly content: Content;
};

/** Why there is no report. */
export type ReportFault =
  /** Not over this transport, or not from this version of chrony: it need not be asked for again. */
  | { readonly kind: "not available"; readonly error: ChronyError }
  /** The next reading may be better. */
  | { readonly kind: "failed"; readonly error: ChronyError }
  /** The reading took longer than its caller allows. */
  | { readonly kind: "out of time"; readonly longestMs: number };

/** One sentence for a person: what was tried, what was found, what to do. */
export function describeReportFault(fault: ReportFault): string {
  switch (fault.kind) {
    case "not available":
    case "failed":
      return describeChronyError(fault.error);
    case "out of time":
      return `chronyd took longer than ${fault.longestMs} ms for its reports: it is overloaded, or it has very many sources.`;
  }
}

/** More sources than this are not read: each is a question. */
export const MOST_SOURCES = 1000;

export type FurtherReportsOptions = {
  readonly wanted: ReadonlySet<FurtherReport>;
  /** The caller's, for all its readings of one chronyd. */
  readonly names: SourceNames;
  /** After this time no question is asked any more. The last answer may take a second longer. */
  readonly longestMs: number;
};

/** Reads what is wanted. A report that fails does not keep the others from being read. */
export async function readFurtherReports(
  client: ChronyClient,
  { wanted, names, longestMs }: FurtherReportsOptions,
): Promise<FurtherReports> {
  const questions = new Questions(client, longestMs);
  const ofServer = wanted.has("serverstats") ? await questions.ask(serverStatistics) : undefined;
  const ofActivity = wanted.has("activity") ? await questions.ask(activity) : undefined;

  const wantsSources = wanted.has("sources") || wanted.has("sourcestats") || wanted.has("ntpdata");
  const sources = wantsSources ? await readSources(questions, names) : undefined;
  const ofEach = async <Content>(read: ReadOfSources<Content>) =>
    sources?.ok === true ? await read(questions, sources.value) : sources;
  return {
    sources: wanted.has("sources") ? sources : undefined,
    sourcestats: wanted.has("sourcestats") ? await ofEach(readStatistics) : undefined,
    ntpdata: wanted.has("ntpdata") ? await ofEach(readNtpData) : undefined,
    serverstats: ofServer,
    activity: ofActivity,
  };
}

/** Reads another report of sources that were just seen. */
type ReadOfSources<Content> = (
  questions: Questions,
  sources: readonly OfSource<SourceData>[],
) => Promise<OfSources<Content>>;

async function readSources(
  questions: Questions,
  names: SourceNames,
): Promise<OfSources<SourceData>> {
  const found = await askOfEachIndex(questions, sourceData);
  if (!found.ok) {
    return found;
  }
  names.keepOnly(found.value);
  const sources: OfSource<SourceData>[] = [];
  for (const [address, content] of found.value) {
    const name = await nameOf(questions, names, content.source);
    if (name.ok) {
      sources.push({ address, name: name.value, content });
    } else if (!isNoSuchSource(name.error)) {
      return name;
    }
  }
  return success(sources);
}

/** Joined by what the sources are: at the index of one there may be another by now. */
async function readStatistics(
  questions: Questions,
  sources: readonly OfSource<SourceData>[],
): Promise<OfSources<SourceStatistics>> {
  const found = await askOfEachIndex(questions, sourceStatistics);
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
    } else if (!isNoSuchSource(answer.error)) {
      return answer;
    }
  }
  return success(reports);
}

/** The answers for all indices, by the text of the source that each is about, in chronyd's order. */
async function askOfEachIndex<Content extends { readonly source: Source }>(
  questions: Questions,
  reportAt: (index: number) => Report<Content>,
): Promise<Result<ReadonlyMap<string, Content>, ReportFault>> {
  const count = await questions.ask(numberOfSources);
  if (!count.ok) {
    return count;
  }
  const found = new Map<string, Content>();
  for (let index = Math.min(count.value, MOST_SOURCES) - 1; index >= 0; index -= 1) {
    const answer = await questions.ask(reportAt(index));
    if (!answer.ok && !isNoSuchSource(answer.error)) {
      return answer;
    }
    if (answer.ok && answer.value.source.kind !== "unresolved") {
      found.set(sourceText(answer.value.source), answer.value);
    }
  }
  return success(new Map([...found].toReversed()));
}

/** Asks chronyd for a source's name when it is not known, and gives the address when there is none. */
async function nameOf(
  questions: Questions,
  names: SourceNames,
  source: Source,
): Promise<Result<string, ReportFault>> {
  const address = sourceText(source);
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

/** One question after another, within the time of a reading. */
class Questions {
  readonly #client: ChronyClient;
  readonly #longestMs: number;
  readonly #endMs: number;
  /** A chronyd that did not answer is not asked again in this reading. */
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
    const fault: ReportFault = { kind: isForGood(error) ? "not available" : "failed", error };
    if (error.kind === "timed out") {
      this.#silence = fault;
    }
    return failure(fault);
  }
}

const STATUS_UNAUTH = 2;
const STATUS_INVALID = 3;
const STATUS_NOSUCHSOURCE = 4;
const STATUS_BADPKTLENGTH = 19;

/**
 * Whether chronyd would give the same answer to the next reading: it may not (UNAUTH), it does not
 * know the command (INVALID), or it has a form of the report that is not known here.
 */
function isForGood(error: ChronyError): boolean {
  return (
    error.kind === "wrong reply" ||
    (error.kind === "refused" &&
      [STATUS_UNAUTH, STATUS_INVALID, STATUS_BADPKTLENGTH].includes(error.status))
  );
}

/** Whether a source went away between two questions. */
function isNoSuchSource(fault: ReportFault): boolean {
  return (
    fault.kind === "failed" &&
    fault.error.kind === "refused" &&
    fault.error.status === STATUS_NOSUCHSOURCE
  );
}

/** Whether chronyd has no name to give, or none that can be shown. */
function isNameless(fault: ReportFault): boolean {
  return (
    fault.kind === "not available" ||
    (fault.kind === "failed" && fault.error.kind === "invalid field")
  );
}
