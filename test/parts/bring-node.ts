import { join } from "node:path";
import { keepInCache } from "./cache.ts";
import type { Progress } from "./progress.ts";
import { runToEnd } from "./run-to-end.ts";

const INSTALL_MS = 2 * 60 * 1_000;

/**
 * The path of another version of Node.js, from the npm registry, in the cache.
 *
 * @throws when the registry does not have it, or it does not run here
 */
export async function bringNode(version: string, progress: Progress): Promise<string> {
  const packageName = `node-${process.platform}-${process.arch}`;
  const program = (folder: string) => join(folder, "node_modules", packageName, "bin", "node");
  const folder = await keepInCache(`node-${version}-${process.arch}`, async (making) => {
    progress(`downloading Node.js ${version}`);
    await runToEnd({
      name: `npm install ${packageName}@${version}`,
      command: "npm",
      args: ["install", "--no-save", "--prefix", making, `${packageName}@${version}`],
      timeoutMs: INSTALL_MS,
    });
    await runToEnd({
      name: `node ${version}`,
      command: program(making),
      args: ["--version"],
      timeoutMs: INSTALL_MS,
    });
  });
  return program(folder);
}
