/**
 * Runs before `npm run demo` and `npm test`, which are all that a fresh clone needs: installs what
 * package-lock.json names, unless it is there already. Plain JavaScript because the machine's own
 * Node.js may be an old one; the package `node` that this installs is the one that all else runs on.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

function packagesOf(lockFile) {
  const file = `${root}${lockFile}`;
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")).packages : {};
}

/** Whether npm's own list of what it installed has every package that this platform needs. */
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
