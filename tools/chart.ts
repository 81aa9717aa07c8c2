/**
 * `npm run chart`: makes the Helm chart out of the kustomize base, its overlays and its components, in
 * `dist/chart`. Nothing of the objects is written twice: the chart's templates are what kustomize builds
 * for each way of running and each component, with the differences as conditions.
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
import { orSayWhatIsMissing } from "./or-say-what-is-missing.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

await orSayWhatIsMissing(async () => {
  const kustomize = findExecutable("kustomize");
  const program = kustomize ?? findExecutable("kubectl");
  if (program === undefined) {
    throw new MissingPart(
      "Neither kustomize nor kubectl is on the path. Install one: the chart is made of what it builds.",
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
