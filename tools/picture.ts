/**
 * `npm run picture`: plays an incident on simulated nodes, asks the overview's queries and draws
 * what they give as docs/overview.svg. It takes six minutes.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { overview } from "../grafana/overview.ts";
import { orSayWhatIsMissing } from "./or-say-what-is-missing.ts";
import { drawDashboard } from "./picture/drawing.ts";
import { playIncident } from "./picture/incident.ts";

const CAPTION =
  "Drawn from the dashboard's own queries after a played incident on eight simulated nodes, each with a real chronyd; alerts wait only 10 s here. Not a screenshot of Grafana.";

const FILE = fileURLToPath(new URL("../docs/overview.svg", import.meta.url));
const dashboard = overview();
const answers = await orSayWhatIsMissing(() => playIncident(dashboard));
await mkdir(dirname(FILE), { recursive: true });
await writeFile(FILE, drawDashboard(dashboard, answers, CAPTION));
