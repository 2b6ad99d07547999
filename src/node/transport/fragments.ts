import { WINDOW } from './replay-window.ts';

/** What one payload may hold, in pieces or not. Larger ones are never sent and never put together. */
export const PAYLOAD_BYTES_MAX = 8 * 1024 * 1024;
const PARTIALS_MAX = 4;

interface Partial {
  readonly pieces: (Uint8Array | undefined)[];
  received: number;
  bytes: number;
}

export interface Fragment {
  readonly counter: number;
  readonly fragment: number;
  readonly fragments: number;
}

/** Cuts a payload into pieces of at most `pieceBytesMax`; an empty one is one empty piece. */
export function cut(payload: Uint8Array, pieceBytesMax: number): Uint8Array[] {
  if (payload.length <= pieceBytesMax) return [payload];
  const pieces: Uint8Array[] = [];
  for (let start = 0; start < payload.length; start += pieceBytesMax) {
    pieces.push(payload.subarray(start, start + pieceBytesMax));
  }
  return pieces;
}

/**
 * Puts the pieces of one sender's stream together again. The fragments of a payload have consecutive counters, so the
 * counter of the first one names it. Nothing here knows time: an unfinished payload is given up when the stream has
 * moved a replay window past it, or when more than `PARTIALS_MAX` newer ones are unfinished too.
 */
export class Reassembly {
  readonly #partials = new Map<number, Partial>();
  #abandoned = 0;

  /** The whole payload once its last missing piece arrives. Each counter is given at most once. */
  add({ counter, fragment, fragments }: Fragment, piece: Uint8Array): Uint8Array | undefined {
    if (fragments === 1) return piece;
    const first = counter - fragment;
    if (first < 0) return undefined;
    this.#forgetOlderThan(counter - WINDOW - fragments);
    const partial = this.#partials.get(first) ?? this.#begin(first, fragments);
    if (partial.pieces.length !== fragments) return undefined;
    partial.pieces[fragment] = piece;
    partial.received += 1;
    partial.bytes += piece.length;
    if (partial.bytes > PAYLOAD_BYTES_MAX) {
      this.#abandon(first);
      return undefined;
    }
    if (partial.received < fragments) return undefined;
    this.#partials.delete(first);
    return join(partial);
  }

  /** How many payloads were given up since the last call. */
  takeAbandoned(): number {
    const count = this.#abandoned;
    this.#abandoned = 0;
    return count;
  }

  #begin(first: number, fragments: number): Partial {
    const partial: Partial = { pieces: Array.from({ length: fragments }), received: 0, bytes: 0 };
    this.#partials.set(first, partial);
    if (this.#partials.size > PARTIALS_MAX) this.#abandon(Math.min(...this.#partials.keys()));
    return partial;
  }

  #forgetOlderThan(counter: number): void {
    for (const first of this.#partials.keys()) if (first < counter) this.#abandon(first);
  }

  #abandon(first: number): void {
    this.#partials.delete(first);
    this.#abandoned += 1;
  }
}

function join({ pieces, bytes }: Partial): Uint8Array {
  const whole = new Uint8Array(bytes);
  let offset = 0;
  for (const piece of pieces) {
    if (piece === undefined) continue;
    whole.set(piece, offset);
    offset += piece.length;
  }
  return whole;
}
