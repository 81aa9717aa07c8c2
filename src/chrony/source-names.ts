/** How long a name is cached. After a restart, chronyd may have another name for the same address. */
const RENEW_AFTER_MS = 10 * 60_000;

/**
 * A cache of chronyd's names for its NTP sources. It holds only the sources of the last poll that read
 * them all.
 */
export class SourceNames {
  readonly #names = new Map<string, { readonly name: string; readonly askedMs: number }>();

  /**
   * The name of the source at an address, or `undefined` when chronyd must be asked.
   * @param nowMs monotonic time, in milliseconds
   */
  get(address: string, nowMs: number): string | undefined {
    const known = this.#names.get(address);
    return known !== undefined && nowMs - known.askedMs < RENEW_AFTER_MS ? known.name : undefined;
  }

  /** Stores the name that chronyd reported. */
  set(address: string, name: string, nowMs: number): void {
    this.#names.set(address, { name, askedMs: nowMs });
  }

  /** Forgets all other addresses. */
  keepOnly(addresses: ReadonlyMap<string, unknown>): void {
    for (const address of this.#names.keys()) {
      if (!addresses.has(address)) {
        this.#names.delete(address);
      }
    }
  }
}
