/**
 * Runs before `npm run demo` and `npm test`, so that a fresh clone needs no other command: installs the
 * packages of package-lock.json, unless they are installed. Plain JavaScript, because the machine's own
 * Node.js may be old. Everything else runs on the package `node`, which this installs.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

function packagesOf(lockFile) {
  const file = `${root}${lockFile}`;
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")).packages : {};
}

/** Whether npm's list of installed packages has all that this platform needs. */
function isInstalled() {
  const wanted = Object.entries(packagesOf("package-lock.json"));
  const installed = packagesOf("node_modules/.package-lock.json");
  return wanted.every(
    ([path, { version, optional }]) =>
      path === "" ||
      (optional === true && !(path in installed)) ||
      installed[path]?.version === version,
  );
}

if (!isInstalled()) {
  process.stderr.write("Installing the packages of package-lock.json …\n");
  const npm = spawnSync("npm", ["ci", "--loglevel=error"], { cwd: root, stdio: "inherit" });
  if (npm.status !== 0) {
    process.stderr.write(
      "npm ci failed, as it says above. It needs npm and a way to the npm registry (or a mirror of it, set in ~/.npmrc).\n",
    );
    process.exit(1);
  }
}
