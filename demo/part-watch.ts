import type { ProcessEnd, RunningProcess } from "../test/parts/running-process.ts";

/** A part of the demo ended unexpectedly. */
export class PartEnded extends Error {
  override readonly name = "PartEnded";
}

const SHOWN_LINES = 5;

/** Notices when a part ends unexpectedly. */
export class PartWatch {
  readonly #ended = new AbortController();
  readonly #dismissed = new Set<RunningProcess>();

  /** Aborts when a part ends, with a {@link PartEnded} as reason. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** Watches a process from now on. */
  watch(partName: string, process: RunningProcess): void {
    void this.#untilEnd(partName, process);
  }

  /** Allows a process to end. */
  dismiss(process: RunningProcess): void {
    this.#dismissed.add(process);
  }

  async #untilEnd(partName: string, process: RunningProcess): Promise<void> {
    const end = await process.exited;
    if (!this.#dismissed.has(process)) {
      this.#ended.abort(new PartEnded(describe(partName, end, process.output())));
    }
  }
}

function describe(partName: string, { code, signal }: ProcessEnd, output: string): string {
  if (signal !== null) {
    // Without its output, which is not the reason.
    return `${partName} was ended by ${signal}.`;
  }
  const lastLines = output.split("\n").slice(-SHOWN_LINES).join("\n");
  return `${partName} ended by itself with exit code ${code}. Its last lines:\n${lastLines}`;
}
