import { MissingPart } from "../test/parts/missing-part.ts";

/**
 * Does some work. When a part that it needs is missing on this machine, the process prints a sentence
 * that says what to do, instead of a stack trace, and ends with exit code 1.
 */
export async function reportMissingPart<T>(work: () => Promise<T>): Promise<T> {
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
