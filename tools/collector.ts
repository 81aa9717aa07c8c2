/** `npm run collector`: writes the part of the collector's configuration that is made from the agent's catalogue. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CATALOGUE_FILE, catalogueConfiguration } from "./collector/catalogue.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

await writeFile(join(ROOT, CATALOGUE_FILE), catalogueConfiguration());
process.stdout.write(`${CATALOGUE_FILE}\n`);
