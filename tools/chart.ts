/**
 * `npm run chart`: makes the Helm chart in `dist/chart` from the kustomize base, overlays and components, so
 * that no object is written twice: the templates are what kustomize builds for each overlay and each
 * component, with the differences as conditions.
 *
 *   npm run chart [-- FOLDER [MANIFESTS]]    MANIFESTS: an unpacked release, else this checkout
 *
 * It needs kustomize, or kubectl with `kubectl kustomize`.
 */
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { findExecutable } from "../test/parts/executable.ts";
import { MissingPart } from "../test/parts/missing-part.ts";
import { makeChart } from "./chart/make-chart.ts";
import { reportMissingPart } from "./report-missing-part.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

await reportMissingPart(async () => {
  const kustomize = findExecutable("kustomize");
  const program = kustomize ?? findExecutable("kubectl");
  if (program === undefined) {
    throw new MissingPart(
      "Neither kustomize nor kubectl is on the path. Install one of them: it builds the objects of the chart.",
    );
  }
  const [folder = "dist/chart", manifests = ROOT] = process.argv.slice(2);
  await makeChart({
    build: [program, kustomize === undefined ? "kustomize" : "build"],
    manifests: resolve(manifests),
    folder: resolve(ROOT, folder),
  });
  process.stdout.write(`${folder}\n`);
});
