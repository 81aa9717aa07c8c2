/** One series of a page of metrics. */
export type Series = {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
};

const LINE = /^(?<name>\w+)(?:\{(?<labels>.*)\})? (?<value>\S+)$/;
const LABEL = /(?<label>\w+)="(?<text>[^"]*)"/g;

/** The series of a page in Prometheus' text format, as far as the agent uses it. */
export function parseExposition(text: string): Series[] {
  return text.split("\n").flatMap((line) => {
    const groups = LINE.exec(line)?.groups;
    if (groups === undefined) {
      return [];
    }
    const { name = "", labels = "", value = "" } = groups;
    const pairs = [...labels.matchAll(LABEL)].map(({ groups: pair = {} }) => {
      const { label = "", text: labelText = "" } = pair;
      return [label, labelText] as const;
    });
    return [{ name, labels: Object.fromEntries(pairs), value: Number(value) }];
  });
}
