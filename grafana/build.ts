/** `npm run dashboards`: writes the files of `grafana/dashboards/`. */
import { writeFile } from "node:fs/promises";
import { DASHBOARDS, dashboardPath, dashboardText } from "./dashboards.ts";

for (const [fileName, dashboard] of Object.entries(DASHBOARDS)) {
  await writeFile(dashboardPath(fileName), dashboardText(dashboard()));
}
