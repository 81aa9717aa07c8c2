import { readFile } from "node:fs/promises";
import { MissingPart } from "../../parts/missing-part.ts";
import type { Progress } from "../../parts/progress.ts";
import { runToEnd } from "../../parts/run-to-end.ts";

const INSTALL_MS = 10 * 60 * 1_000;
const QUESTION_MS = 30_000;

/**
 * Installs Debian packages, and reports it. Does nothing when all are installed.
 *
 * @throws {MissingPart} when one is missing and this is not root on Debian or Ubuntu
 */
export async function installDebianPackages(
  progress: Progress,
  names: readonly string[],
): Promise<void> {
  const missing: string[] = [];
  for (const name of names) {
    if (!(await isInstalled(name))) {
      missing.push(name);
    }
  }
  if (missing.length === 0) {
    return;
  }
  const list = missing.join(" ");
  if (process.getuid?.() !== 0 || !(await isDebianOrUbuntu())) {
    throw new MissingPart(
      `These packages are missing: ${list}. On Debian or Ubuntu: sudo apt-get install ${list}`,
    );
  }
  progress(`installing with apt-get, because a test cluster needs them: ${list}`);
  const environment = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  for (const args of [["update"], ["install", "--yes", "--no-install-recommends", ...missing]]) {
    await runToEnd({
      name: `apt-get ${args[0]}`,
      command: "apt-get",
      args,
      env: environment,
      timeoutMs: INSTALL_MS,
    });
  }
}

async function isInstalled(name: string): Promise<boolean> {
  try {
    const answer = await runToEnd({
      name: "dpkg-query",
      command: "dpkg-query",
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the placeholder is dpkg-query's own.
      args: ["--show", "--showformat=${db:Status-Status}", name],
      timeoutMs: QUESTION_MS,
    });
    return answer === "installed";
  } catch {
    // dpkg-query fails for an unknown package, and does not exist on other systems.
    return false;
  }
}

async function isDebianOrUbuntu(): Promise<boolean> {
  const release = await readFile("/etc/os-release", "utf8").catch(() => "");
  return /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(release);
}
