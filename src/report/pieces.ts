/** A range in pieces, because a backend limits what one query may read. */
import { type Result, success } from "../result.ts";
import type { Backend } from "./backend.ts";
import type { BackendError } from "./backend-error.ts";
import type { AnsweredSeries } from "./query-answer.ts";

/** After `fromMs`, up to and including `toMs`, like PromQL's range selectors: milliseconds since 1970. */
export type Piece = { readonly fromMs: number; readonly toMs: number };

/** The range in pieces of at most this length. */
export function piecesOf({ fromMs, toMs }: Piece, longestMs: number): Piece[] {
  const pieces: Piece[] = [];
  for (let startMs = fromMs; startMs < toMs; startMs += longestMs) {
    pieces.push({ fromMs: startMs, toMs: Math.min(startMs + longestMs, toMs) });
  }
  return pieces;
}

/** The piece in equal parts of about `most` samples each. */
export function piecesBySamples(piece: Piece, samples: number, most: number): Piece[] {
  const parts = Math.max(1, Math.ceil(samples / most));
  return piecesOf(piece, Math.ceil((piece.toMs - piece.fromMs) / parts));
}

/** The shortest piece that is divided, in milliseconds. */
const SHORTEST_DIVIDED_MS = 60_000;

/**
 * Asks for a piece of a range; for its halves when it is too much for the backend.
 * @param query the query with this range, as PromQL's range selector
 * @returns the number of requests that were answered
 */
export async function askInPieces(
  backend: Backend,
  piece: Piece,
  query: (range: string) => string,
  onAnswer: (series: readonly AnsweredSeries[], piece: Piece) => void,
): Promise<Result<number, BackendError>> {
  const lengthMs = piece.toMs - piece.fromMs;
  const answer = await backend.ask(query(`[${lengthMs}ms]`), piece.toMs);
  if (answer.ok) {
    onAnswer(answer.value, piece);
    return success(1);
  }
  if (answer.error.kind !== "too much" || lengthMs <= SHORTEST_DIVIDED_MS) {
    return answer;
  }
  let requests = 0;
  for (const half of piecesOf(piece, Math.ceil(lengthMs / 2))) {
    const answered = await askInPieces(backend, half, query, onAnswer);
    if (!answered.ok) {
      return answered;
    }
    requests += answered.value;
  }
  return success(requests);
}
