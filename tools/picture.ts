/**
 * `npm run picture`: plays an incident on simulated nodes, and draws what Prometheus stored as
 * docs/incident.svg, the README's picture. It takes four minutes.
 */
import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { drawIncident } from "./picture/drawing.ts";
import { playIncident } from "./picture/incident.ts";
import { reportMissingPart } from "./report-missing-part.ts";

const FILE = fileURLToPath(new URL("../docs/incident.svg", import.meta.url));
await writeFile(FILE, drawIncident(await reportMissingPart(playIncident)));
