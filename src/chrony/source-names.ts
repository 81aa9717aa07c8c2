/** How long a name is believed: a chronyd that was restarted may call the same address another name. */
const RENEW_AFTER_MS = 10 * 60_000;

/**
 * What chronyd calls its NTP sources, kept from one reading to the next. It holds the sources of the
 * last reading that saw them all, and no others.
 */
export class SourceNames {
  readonly #names = new Map<string, { readonly name: string; readonly askedMs: number }>();

  /**
   * The name of the source at an address, or `undefined` when chronyd has to be asked.
   * @param nowMs monotonic time, in milliseconds
   */
  get(address: string, nowMs: number): string | undefined {
    const known = this.#names.get(address);
    return known !== undefined && nowMs - known.askedMs < RENEW_AFTER_MS ? known.name : undefined;
  }

  /** Keeps what chronyd answered at this moment. */
  set(address: string, name: string, nowMs: number): void {
    this.#names.set(address, { name, askedMs: nowMs });
  }

  /** Forgets the sources that are not among these addresses. */
  keepOnly(addresses: ReadonlyMap<string, unknown>): void {
    for (const address of this.#names.keys()) {
      if (!addresses.has(address)) {
        this.#names.delete(address);
      }
    }
  }
}
