/** A range in pieces, because a backend limits what one query may read. */

/** After `fromMs`, up to and including `toMs`, as PromQL's range selectors are: milliseconds since 1970. */
export type Piece = { readonly fromMs: number; readonly toMs: number };

/** Pieces of at most this length that make up the range. */
export function piecesOf({ fromMs, toMs }: Piece, longestMs: number): Piece[] {
  const pieces: Piece[] = [];
  for (let startMs = fromMs; startMs < toMs; startMs += longestMs) {
    pieces.push({ fromMs: startMs, toMs: Math.min(startMs + longestMs, toMs) });
  }
  return pieces;
}

/** As many pieces as keep each at about this many samples. */
export function piecesBySamples(piece: Piece, samples: number, most: number): Piece[] {
  const parts = Math.max(1, Math.ceil(samples / most));
  return piecesOf(piece, Math.ceil((piece.toMs - piece.fromMs) / parts));
}
