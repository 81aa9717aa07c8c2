import { setTimeout as delay } from "node:timers/promises";

const POLL_INTERVAL_MS = 25;
/** So long that only what never comes takes it, on a machine that does much else as well. */
const LONGEST_MS = 60_000;

/**
 * Asks `condition` again and again until it gives something other than `undefined` or `false`.
 * An error that it throws counts as "not yet".
 *
 * @param what names what is waited for, so that it completes the sentence "waited 60 s for …".
 * @param signal ends the wait early, after a last look; its reason becomes the error.
 * @throws when the time is over, naming `what` and the last thing that `condition` gave or threw.
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
