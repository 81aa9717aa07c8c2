/**
 * Bundles the agent into one file, dist/chrony-tracker.cjs, with koffi's prebuilt binaries beside it.
 * `node dist/chrony-tracker.cjs` needs nothing else. `node tools/bundle.ts FOLDER` makes them in another
 * folder, which is emptied first.
 */
import { existsSync } from "node:fs";
import { copyFile, mkdir, rm, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type Plugin } from "esbuild";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const dist = resolve(process.argv[2] ?? join(ROOT, "dist"));
const bundle = join(dist, "chrony-tracker.cjs");

/**
 * Replaces koffi's loader, which looks for the binary in the packages of all platforms. The bundle looks
 * beside itself, for the name that {@link copyBinaries} uses, and only when the first socket is opened,
 * because an agent that polls over UDP needs no binary. The rest of koffi's JavaScript is deprecated names.
 */
const BINARY_BESIDE_BUNDLE: Plugin = {
  name: "binary-beside-bundle",
  setup(builder) {
    builder.onLoad({ filter: /\/node_modules\/koffi\/index\.js$/ }, () => ({
      contents: `
        import { join } from "node:path";
        let binary;
        export default new Proxy({}, {
          get(_, name) {
            binary ??= require(join(__dirname, "koffi.linux-" + process.arch + ".node"));
            return binary[name];
          },
        });`,
      loader: "js",
    }));
  },
};

await rm(dist, { recursive: true, force: true });
await mkdir(dist, { recursive: true });
await build({
  entryPoints: [join(ROOT, "src/main.ts")],
  outfile: bundle,
  bundle: true,
  minify: true,
  platform: "node",
  target: "node24",
  // CommonJS starts faster than a module: 47 ms instead of 77 (measured).
  format: "cjs",
  legalComments: "none",
  plugins: [BINARY_BESIDE_BUNDLE],
  logLevel: "warning",
});
const binaries = await copyBinaries();
for (const file of [bundle, ...binaries]) {
  const { size } = await stat(file);
  process.stdout.write(`${relative(ROOT, file)}  ${Math.round(size / 1024)} KiB\n`);
}

/** Copies the glibc binaries that npm installed (`npm ci --cpu=arm64 --os=linux` installs that of another platform). */
async function copyBinaries(): Promise<string[]> {
  const packages = join(dirname(createRequire(import.meta.url).resolve("koffi")), "../@koromix");
  const copies: string[] = [];
  for (const arch of ["x64", "arm64"]) {
    const binary = join(packages, `koffi-linux-${arch}/linux_${arch}/koffi.node`);
    if (existsSync(binary)) {
      const copy = join(dist, `koffi.linux-${arch}.node`);
      await copyFile(binary, copy);
      copies.push(copy);
    }
  }
  if (copies.length === 0) {
    throw new Error(
      "No prebuilt binary of koffi for Linux is installed: run npm ci on Linux (x64 or arm64).",
    );
  }
  return copies;
}
