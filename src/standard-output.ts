/** What a command prints: whether it was written, which a full disk or a closed pipe can prevent. */
import { failure, type Result, success } from "./result.ts";

/** Why a text was not written. */
export type OutputError = { readonly kind: "reader left" | "not written"; readonly detail: string };

/** Writes a text to standard output, and waits until it was taken. */
export async function print(text: string): Promise<Result<undefined, OutputError>> {
  const { promise, resolve } = Promise.withResolvers<Result<undefined, OutputError>>();
  process.stdout.once("error", onError);
  process.stdout.write(text, (error) => {
    // The stream emits the error after this callback: only then may the listener go.
    setImmediate(() => process.stdout.off("error", onError));
    resolve(error ? failure(outputError(error)) : success(undefined));
  });
  return await promise;

  function onError(error: Error): void {
    resolve(failure(outputError(error)));
  }
}

/** One sentence for a person. */
export function describeOutputError({ detail }: OutputError): string {
  return `Standard output cannot be written: ${detail}. Redirect it to a place with room.`;
}

function outputError(error: NodeJS.ErrnoException): OutputError {
  return {
    kind: error.code === "EPIPE" ? "reader left" : "not written",
    detail: error.message,
  };
}
