/** The part of Prometheus' text format that an agent's /metrics uses. */

/** The samples of one scrape. */
export type Samples = readonly Sample[];

/** The value of one series. */
export type Sample = {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
};

/** Parses a text. Lines that are not samples are skipped. */
export function parseExposition(text: string): Samples {
  return text.split("\n").flatMap((line) => {
    const groups = SAMPLE.exec(line)?.groups;
    const value = Number(groups?.["value"]);
    return groups?.["name"] === undefined || !Number.isFinite(value)
      ? []
      : [{ name: groups["name"], labels: parseLabels(groups["labels"] ?? ""), value }];
  });
}

/** The value of a series, by its name and its own labels. */
export function seriesValue(
  samples: Samples,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  return samples.find(
    (sample) =>
      sample.name === name &&
      Object.entries(labels).every(([label, text]) => sample.labels[label] === text),
  )?.value;
}

/** The labels of all series of a name whose value is 1, as in an info metric. */
export function labelsOf(samples: Samples, name: string): readonly Sample["labels"][] {
  return samples
    .filter((sample) => sample.name === name && sample.value === 1)
    .map(({ labels }) => labels);
}

const SAMPLE = /^(?<name>[a-zA-Z_:][\w:]*)(?:\{(?<labels>.*)\})? (?<value>\S+)$/;
const LABEL = /(?<label>\w+)="(?<text>(?:[^"\\]|\\.)*)"/g;

function parseLabels(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(LABEL)].map(({ groups }) => [
      groups?.["label"] ?? "",
      (groups?.["text"] ?? "").replace(/\\(.)/g, (_, escaped: string) =>
        escaped === "n" ? "\n" : escaped,
      ),
    ]),
  );
}
