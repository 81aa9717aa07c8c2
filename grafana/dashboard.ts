/** What the dashboards have in common: how they are put together, and what is chosen at their top. */
import type { Builder } from "@grafana/grafana-foundation-sdk/cog";
import {
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  type Panel,
  QueryVariableBuilder,
  RowBuilder,
  type VariableModel,
  VariableRefresh,
  VariableSort,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { DATA_SOURCE } from "./panel.ts";
import { CHOSEN_CLUSTERS, selector } from "./query.ts";

/** All dashboards have it, and link to the others that have it. */
const TAG = "chrony-tracker";

/** Where each dashboard is found: `/d/UID`. */
export const UIDS = {
  overview: "chrony-tracker-overview",
  node: "chrony-tracker-node",
  pipeline: "chrony-tracker-pipeline",
} as const;

/** Panels under a heading. */
export type Row = {
  readonly title: string;
  /** Left to right, then down; a line is 24 columns wide. */
  readonly panels: readonly Builder<Panel>[];
};

/** What a dashboard is made of. */
export type DashboardParts = {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly variables: readonly Builder<VariableModel>[];
  readonly rows: readonly Row[];
};

/**
 * A dashboard in the classic schema, which all of today's Grafanas import, Azure Managed Grafana among
 * them; the library's newer one is only for the newest.
 */
export function dashboard({ uid, title, description, variables, rows }: DashboardParts): Dashboard {
  const builder = new DashboardBuilder(title)
    .uid(uid)
    .description(description)
    .tags([TAG])
    .time({ from: "now-3h", to: "now" })
    .refresh("30s")
    .tooltip(DashboardCursorSync.Crosshair)
    .link(
      new DashboardLinkBuilder("Chrony Tracker")
        .type(DashboardLinkType.Dashboards)
        .tags([TAG])
        .includeVars(true)
        .keepTime(true),
    )
    .variables([dataSourceVariable(), ...variables]);
  for (const row of rows) {
    builder.withRow(new RowBuilder(row.title));
    for (const panel of row.panels) {
      builder.withPanel(panel);
    }
  }
  const { links = [], panels = [], ...built } = builder.build();
  return {
    ...built,
    // The library hides links in a menu. Left out, they stand where they are seen.
    links: links.map(({ placement: _placement, ...link }) => link),
    panels: panels.map((panel, index) => ({ ...panel, id: index + 1 })),
  };
}

/** The Prometheus that is asked. Grafana counts Azure's own kind of data source among this type. */
function dataSourceVariable(): DatasourceVariableBuilder {
  return new DatasourceVariableBuilder("datasource")
    .label("Data source")
    .description("The Prometheus, or the Azure Monitor workspace, that holds the metrics.")
    .type("prometheus");
}

/** One cluster, several, or all; series without the label belong to all. */
export function clustersVariable(): QueryVariableBuilder {
  return labelVariable("cluster", "Cluster", "The clusters that send.", "chrony_up", "cluster")
    .multi(true)
    .includeAll(true)
    .allValue(".*")
    .current({ text: ["All"], value: ["$__all"] });
}

/** One node of the chosen clusters. */
export function nodeVariable(): QueryVariableBuilder {
  return labelVariable(
    "node",
    "Node",
    "The node that is looked at.",
    selector("chrony_up", CHOSEN_CLUSTERS),
    "k8s_node_name",
  );
}

function labelVariable(
  name: string,
  title: string,
  description: string,
  series: string,
  label: string,
): QueryVariableBuilder {
  const variable = new QueryVariableBuilder(name)
    .label(title)
    .description(description)
    .datasource(DATA_SOURCE)
    .query(`label_values(${series}, ${label})`)
    .refresh(VariableRefresh.OnTimeRangeChanged);
  // oxlint-disable-next-line unicorn/no-array-sort -- not an array's, but the builder's
  return variable.sort(VariableSort.NaturalAsc);
}
