import { MissingPart } from "../test/parts/missing-part.ts";

/**
 * Does some work. When a part of it cannot be had on this machine, the process ends with exit code 1
 * and the sentence that says what to do about it, instead of a stack trace.
 */
export async function orSayWhatIsMissing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof MissingPart)) {
      throw error;
    }
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}
