/** The result of a step that can fail: a value, or an error with a kind that code can match. */
export type Result<Value, Failure> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly error: Failure };

/** A step that worked. */
export function success<Value>(value: Value): Result<Value, never> {
  return { ok: true, value };
}

/** A step that failed. */
export function failure<Failure>(error: Failure): Result<never, Failure> {
  return { ok: false, error };
}
