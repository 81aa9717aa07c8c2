/**
 * Makes dist/chrony-tracker-report.cjs, the report as one file. It is not part of the agent's bundle or image.
 * `node tools/bundle-report.ts FOLDER` makes it in another folder.
 */
import { chmod, mkdir } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const dist = resolve(process.argv[2] ?? join(ROOT, "dist"));
const bundle = join(dist, "chrony-tracker-report.cjs");

await mkdir(dist, { recursive: true });
await build({
  entryPoints: [join(ROOT, "src/report/main.ts")],
  outfile: bundle,
  bundle: true,
  minify: true,
  platform: "node",
  target: "node24",
  format: "cjs",
  legalComments: "none",
  logLevel: "warning",
});
await chmod(bundle, 0o755);
process.stdout.write(`${relative(ROOT, bundle)}\n`);
