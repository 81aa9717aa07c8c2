/** The package has no types. */
declare module "snappyjs" {
  /** Snappy's block format without framing, as in remote write. */
  export function compress(data: Uint8Array): Uint8Array;
  /** @throws when the data is not Snappy, or more than `longestBytes` uncompressed */
  export function uncompress(data: Uint8Array, longestBytes?: number): Uint8Array;
}
