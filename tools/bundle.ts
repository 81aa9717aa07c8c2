/**
 * Makes the one file that an image runs, dist/chrony-tracker.cjs, and puts the socket package's
 * prebuilt binaries beside it: `node dist/chrony-tracker.cjs` needs nothing else.
 * `node tools/bundle.ts FOLDER` makes them in another folder, which is emptied first.
 */
import { copyFile, mkdir, readdir, rm, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type Plugin } from "esbuild";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const dist = resolve(process.argv[2] ?? join(ROOT, "dist"));
const bundle = join(dist, "chrony-tracker.cjs");

/**
 * The socket package looks for its binary in the packages of every platform. The bundle looks beside
 * itself, under the name that {@link copyBinaries} gives, and only when the first socket is opened:
 * an agent that asks over UDP needs no binary.
 */
const BINARY_BESIDE_BUNDLE: Plugin = {
  name: "binary-beside-bundle",
  setup(builder) {
    builder.onLoad({ filter: /node-unix-socket\/js\/addon\.js$/ }, () => ({
      contents: `
        const { join } = require("node:path");
        let binary;
        module.exports = new Proxy({}, {
          get(_, name) {
            binary ??= require(join(__dirname, "node-unix-socket.linux-" + process.arch + ".node"));
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
  // CommonJS starts faster than a module: 47 ms against 77 when it was measured.
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

/** Copies each glibc Linux binary that npm installed (`npm ci --cpu=arm64 --os=linux` brings another's). */
async function copyBinaries(): Promise<string[]> {
  const modules = join(
    dirname(createRequire(import.meta.url).resolve("node-unix-socket")),
    "../..",
  );
  const copies: string[] = [];
  for (const folder of await readdir(modules)) {
    const found = /^node-unix-socket-linux-(?<arch>x64|arm64)-gnu$/.exec(folder);
    const arch = found?.groups?.["arch"];
    if (arch !== undefined) {
      const copy = join(dist, `node-unix-socket.linux-${arch}.node`);
      await copyFile(join(modules, folder, `node-unix-socket.linux-${arch}-gnu.node`), copy);
      copies.push(copy);
    }
  }
  if (copies.length === 0) {
    throw new Error(
      "No prebuilt binary of node-unix-socket for Linux with glibc is installed: run npm ci on Linux (x64 or arm64).",
    );
  }
  return copies;
}
