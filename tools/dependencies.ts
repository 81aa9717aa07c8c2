/**
 * Writes docs/dependencies.md: what is shipped beside the agent's own code, by npm's own SBOM of
 * package-lock.json. Run it when a dependency has changed.
 */
import { writeFile } from "node:fs/promises";
import { dependencyDocument, ROOT, readSbom } from "./sbom.ts";

await writeFile(`${ROOT}docs/dependencies.md`, dependencyDocument(await readSbom()));
