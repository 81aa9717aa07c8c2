/** The package brings no types of its own. */
declare module "snappyjs" {
  /** Snappy's block format, as remote write has it (no framing). */
  export function compress(data: Uint8Array): Uint8Array;
  /** @throws when the data is not Snappy, or holds more than `longestBytes`. */
  export function uncompress(data: Uint8Array, longestBytes?: number): Uint8Array;
}
