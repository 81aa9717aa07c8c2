/**
 * Writes docs/dependencies.md: the packages in the agent's bundle, from npm's SBOM of package-lock.json. Run it
 * when a dependency has changed.
 */
import { writeFile } from "node:fs/promises";
import { dependencyDocument, ROOT, readSbom } from "./sbom.ts";

await writeFile(`${ROOT}docs/dependencies.md`, dependencyDocument(await readSbom()));
