/** The files of a report. All are created at its beginning, and removed when it is not completed. */
import { rmSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";

export type OutputFiles = {
  /** Adds to a file. Does nothing when the file was not created here. */
  write(path: string, text: string): Promise<void>;
  /** Closes the files, and removes them if the report is not complete. */
  end(isComplete: boolean): Promise<void>;
};

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Creates files. A signal that ends the process removes them first.
 * @throws when one of them exists or cannot be created; the others are removed
 */
export async function makeOutputFiles(paths: readonly string[]): Promise<OutputFiles> {
  const files = new Map<string, FileHandle>();
  const remove = () => {
    for (const path of files.keys()) {
      rmSync(path, { force: true });
    }
  };
  const onSignal = (signal: NodeJS.Signals) => {
    remove();
    forgetSignals();
    process.kill(process.pid, signal);
  };
  const forgetSignals = () => {
    for (const signal of SIGNALS) {
      process.off(signal, onSignal);
    }
  };
  const end = async (isComplete: boolean) => {
    forgetSignals();
    if (!isComplete) {
      remove();
    }
    for (const file of files.values()) {
      await file.close();
    }
  };

  for (const signal of SIGNALS) {
    process.on(signal, onSignal);
  }
  try {
    for (const path of paths) {
      files.set(path, await open(path, "wx"));
    }
  } catch (error) {
    await end(false);
    throw error;
  }
  return {
    async write(path, text) {
      await files.get(path)?.writeFile(text);
    },
    end,
  };
}
