/**
 * The part of the collector's configuration that is made from the agent's catalogue: the accepted names and
 * labels. Anything else is dropped, so that a sender cannot create series of its choice.
 */
import { METRICS } from "../../src/metrics/catalogue.ts";
import { isPlain } from "../../src/metrics/metric.ts";

/** The file that {@link catalogueConfiguration} is for, from the repository's root. */
export const CATALOGUE_FILE = "otel-collector/catalogue.yaml";

/** Longer values are truncated. The longest that an agent sends are host names of 253 bytes. */
export const LONGEST_LABEL_VALUE_BYTES = 256;

/** The text of otel-collector/catalogue.yaml. */
export function catalogueConfiguration(): string {
  const names = METRICS.map(({ name }) => name);
  const labels = new Set(METRICS.flatMap((metric) => (isPlain(metric) ? [] : metric.labels)));
  return `# Made by \`npm run collector\` from the agent's catalogue (src/metrics): change that.

processors:
  # Drops metrics whose name or type no agent has. Other types would become further names.
  filter/names:
    error_mode: propagate
    metric_conditions:
      - context: metric
        conditions:
          - metric.type != METRIC_DATA_TYPE_GAUGE and metric.type != METRIC_DATA_TYPE_SUM
          - metric.type == METRIC_DATA_TYPE_SUM and metric.aggregation_temporality != AGGREGATION_TEMPORALITY_CUMULATIVE
          - "not IsMatch(metric.name, \\"^(\\
${names
  .toSorted()
  .map((name, index) => `            ${index === 0 ? "" : "|"}${name}\\`)
  .join("\n")}
            )$\\")"

  # Drops labels that no agent has, because one could replace a label of the sender's identity. Values are
  # converted to text and truncated.
  transform/labels:
    error_mode: propagate
    metric_statements:
      - context: resource
        statements:
          - stringify_all(resource.attributes)
          - truncate_all(resource.attributes, ${LONGEST_LABEL_VALUE_BYTES})
      - context: datapoint
        statements:
          - >-
            keep_keys(datapoint.attributes, [
${[...labels]
  .toSorted()
  .map((label) => `            "${label}",`)
  .join("\n")
  .replace(/,$/, "")}
            ])
          - stringify_all(datapoint.attributes)
          - truncate_all(datapoint.attributes, ${LONGEST_LABEL_VALUE_BYTES})
`;
}
