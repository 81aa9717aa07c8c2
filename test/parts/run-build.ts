import type { Progress } from "./progress.ts";
import { runToEnd } from "./run-to-end.ts";
import { scratchFolder } from "./scratch-folder.ts";

const BUILD_MS = 40 * 60 * 1_000;
const SILENCE_MS = 30_000;

/**
 * Runs a build that may take minutes.
 *
 * @param description.progress gets the output of the build, and the elapsed time while it is silent
 * @throws when it fails, with its last output
 */
export async function runBuild(description: {
  /** What is built. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly progress: Progress;
}): Promise<void> {
  const { name, command, args, cwd, env, progress } = description;
  // Because builds leave temporary files behind.
  const temporaryFiles = await scratchFolder("build");
  const begin = performance.now();
  const reportSilence = () => {
    const seconds = Math.round((performance.now() - begin) / 1_000);
    progress(`still building ${name} after ${seconds} s`);
  };
  let silence = setInterval(reportSilence, SILENCE_MS);
  try {
    await runToEnd({
      name: `building ${name}`,
      command,
      args,
      cwd,
      env: { ...env, TMPDIR: temporaryFiles.path },
      timeoutMs: BUILD_MS,
      onLine(line) {
        clearInterval(silence);
        silence = setInterval(reportSilence, SILENCE_MS);
        progress(line);
      },
    });
  } finally {
    clearInterval(silence);
    temporaryFiles.remove();
  }
}
