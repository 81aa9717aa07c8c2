import type { ProcessEnd, RunningProcess } from "../test/parts/running-process.ts";

/** A part of the demo ended by itself. */
export class PartEnded extends Error {
  override readonly name = "PartEnded";
}

const TOLD_LINES = 5;

/** Notices when a part ends that was not to. */
export class PartWatch {
  readonly #ended = new AbortController();
  readonly #dismissed = new Set<RunningProcess>();

  /** Aborts when it happens, with a {@link PartEnded} for a reason. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** Watches a process from now on. */
  watch(partName: string, process: RunningProcess): void {
    void this.#untilEnd(partName, process);
  }

  /** From now on the process may end. */
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
    // Somebody ended it, so what it said before is not the reason.
    return `${partName} was ended by ${signal}.`;
  }
  const lastWords = output.split("\n").slice(-TOLD_LINES).join("\n");
  return `${partName} ended by itself with exit code ${code}. Its last words:\n${lastWords}`;
}
