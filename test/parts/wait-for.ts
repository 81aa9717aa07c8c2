import { setTimeout as delay } from "node:timers/promises";

const POLL_INTERVAL_MS = 25;
/** Long enough for a machine under load, so that only a condition that never becomes true takes it. */
const LONGEST_MS = 60_000;

/**
 * Calls `condition` until its result is neither `undefined` nor `false`. An error means "not yet".
 *
 * @param what completes the sentence "waited 60 s for …"
 * @param signal ends the wait early, after a last check; its reason becomes the error
 * @throws when the time is over, with `what` and the last result or error of `condition`
 */
export async function waitFor<T>(
  what: string,
  condition: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs = LONGEST_MS,
  signal?: AbortSignal,
): Promise<T> {
  let last = "nothing";
  let cause: unknown;
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const message = `waited ${timeoutMs / 1000} s for ${what}; last seen: ${last}`;
    timeout.reject(new Error(message, { cause }));
  }, timeoutMs);

  async function attempt(): Promise<T | undefined> {
    try {
      const value = await condition();
      if (value !== undefined && value !== false) {
        return value;
      }
      last = value === undefined ? "nothing" : String(value);
      cause = undefined;
    } catch (error) {
      last = error instanceof Error ? error.message : String(error);
      cause = error;
    }
    return undefined;
  }

  try {
    for (;;) {
      const isLastLook = signal?.aborted === true;
      const value = await Promise.race([timeout.promise, attempt()]);
      if (value !== undefined) {
        return value;
      }
      if (isLastLook) {
        throw signal.reason;
      }
      await Promise.race([timeout.promise, delay(POLL_INTERVAL_MS)]);
    }
  } finally {
    clearTimeout(timer);
  }
}
