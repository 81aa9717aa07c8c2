/**
 * The owner of parts, which end when their owner ends. The context of a test (`test("…", async (t) => …)`) and a
 * {@link Scope} are owners.
 */
export type Owner = {
  after(end: () => Promise<void>): void;
};

type End = () => Promise<void> | void;

/** A part that takes longer to end is reported as an error. */
const LONGEST_END_MS = 15_000;

const ENDS = new WeakMap<Owner, End[]>();

/**
 * Calls `end` when the owner ends. Parts are ended one after another, the last one first, because it may use earlier
 * ones. If one fails or hangs, the others still end.
 */
export function endWith(owner: Owner, end: End): void {
  const known = ENDS.get(owner);
  if (known !== undefined) {
    known.push(end);
    return;
  }
  const ends = [end];
  ENDS.set(owner, ends);
  owner.after(() => endAll(ends));
}

/** An owner outside of tests. */
export class Scope implements Owner {
  readonly #ends: End[] = [];

  after(end: End): void {
    this.#ends.push(end);
  }

  /**
   * Ends all parts, the newest first. Parts that are started later can be ended by another call.
   *
   * @throws {AggregateError} when parts failed to end; the others have ended
   */
  async end(): Promise<void> {
    await endAll(this.#ends);
    ENDS.delete(this);
  }
}

async function endAll(ends: End[]): Promise<void> {
  const errors: unknown[] = [];
  for (let end = ends.pop(); end !== undefined; end = ends.pop()) {
    try {
      await inTime(end);
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) {
    throw new AggregateError(errors, `${errors.length} parts did not end: ${errors.join("; ")}`);
  }
}

async function inTime(end: End): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const late = new Error(`a part had not ended after ${LONGEST_END_MS / 1000} s: ${String(end)}`);
  const timer = setTimeout(() => reject(late), LONGEST_END_MS);
  try {
    await Promise.race([end(), promise]);
  } finally {
    clearTimeout(timer);
  }
}
