/**
 * Runs before every script that needs packages: installs what package-lock.json names, unless it is
 * there already. Plain JavaScript for whatever Node.js the machine has; the package `node` that it
 * installs is the one that everything else runs on.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const lock = readFileSync(`${root}package-lock.json`, "utf8");
const installed = `${root}node_modules/.installed-lock.json`;

if (!existsSync(installed) || readFileSync(installed, "utf8") !== lock) {
  process.stderr.write("Installing the packages of package-lock.json …\n");
  const npm = spawnSync("npm", ["ci", "--loglevel=error"], { cwd: root, stdio: "inherit" });
  if (npm.status !== 0) {
    process.stderr.write(
      "npm ci failed, as it says above. It needs npm and a way to the npm registry (or a mirror of it, set in ~/.npmrc).\n",
    );
    process.exit(1);
  }
  writeFileSync(installed, lock);
}
