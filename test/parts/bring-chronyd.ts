import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { executableFromVariable, findExecutable, isExecutable } from "./executable.ts";
import { MissingPart } from "./missing-part.ts";
import { programsOfPackage } from "./programs-of-package.ts";
import type { Progress } from "./progress.ts";
import { runToEnd } from "./run-to-end.ts";
import { scratchFolder } from "./scratch-folder.ts";

// Not on every user's path.
const SYSTEM_FOLDERS = ["/usr/local/sbin", "/usr/sbin", "/sbin"];
const READ_MS = 60_000;

/**
 * chronyd and chronyc: those of the variable `CHRONYD`, else those of this machine, else those of the Debian package,
 * unpacked in the cache.
 *
 * @throws {MissingPart} when there is none
 */
export async function bringChronyd(
  progress: Progress,
): Promise<{ chronyd: string; chronyc: string }> {
  const named = executableFromVariable("CHRONYD");
  if (named !== undefined) {
    return { chronyd: named, chronyc: chronycOf(named) };
  }
  const installed = findExecutable("chronyd", SYSTEM_FOLDERS);
  const installedClient = findExecutable("chronyc", SYSTEM_FOLDERS);
  if (installed !== undefined && installedClient !== undefined) {
    if (await readsScratchFolders(installed)) {
      return { chronyd: installed, chronyc: installedClient };
    }
    progress(`passing over ${installed}: it cannot read a configuration for trials`);
  }
  const [chronyd, chronyc] = await programsOfPackage({
    packageName: "chrony",
    programs: ["usr/sbin/chronyd", "usr/bin/chronyc"],
    wayOut: "Install chrony, or set CHRONYD to the path of a chronyd that has chronyc beside it.",
    progress,
  });
  return { chronyd, chronyc };
}

function chronycOf(chronyd: string): string {
  const folder = dirname(chronyd);
  const candidates = [join(folder, "chronyc"), join(folder, "..", "bin", "chronyc")];
  const chronyc = candidates.find(isExecutable);
  if (chronyc === undefined) {
    throw new MissingPart(
      `CHRONYD is set to ${chronyd}, but there is no chronyc beside it nor in ../bin. ` +
        "Put it there, or unset CHRONYD to have both looked for.",
    );
  }
  return chronyc;
}

/**
 * Whether this chronyd can read any files. If AppArmor confines it, as on Ubuntu, it reads only /etc/chrony.
 */
async function readsScratchFolders(chronyd: string): Promise<boolean> {
  const folder = await scratchFolder("ct");
  const configuration = join(folder.path, "chrony.conf");
  try {
    await writeFile(configuration, "local\n");
    await runToEnd({
      name: `${chronyd} -p`,
      command: chronyd,
      // -p prints the configuration and ends, -U allows it for any user.
      args: ["-p", "-U", "-f", configuration],
      timeoutMs: READ_MS,
    });
    return true;
  } catch {
    return false;
  } finally {
    folder.remove();
  }
}
