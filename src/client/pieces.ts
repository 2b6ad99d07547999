export interface Piece {
  readonly bytes: Uint8Array;
  readonly isLast: boolean;
}

/** The same bytes in pieces of just `pieceBytes`; only the last may be shorter, and is empty only of nothing at all. */
export async function* piecesOf(source: AsyncIterable<Uint8Array>, pieceBytes: number): AsyncGenerator<Piece> {
  let piece = new Uint8Array(pieceBytes);
  let filled = 0;
  for await (const given of source) {
    for (let rest = given; rest.length > 0;) {
      // Whether a full piece is the last is known once there is more.
      if (filled === pieceBytes) {
        yield { bytes: piece, isLast: false };
        piece = new Uint8Array(pieceBytes);
        filled = 0;
      }
      const taken = rest.subarray(0, pieceBytes - filled);
      piece.set(taken, filled);
      filled += taken.length;
      rest = rest.subarray(taken.length);
    }
  }
  yield { bytes: piece.subarray(0, filled), isLast: true };
}
