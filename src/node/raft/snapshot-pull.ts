import { PieceSlots } from './piece-slots.ts';
import type { SnapshotPiece } from './snapshot-piece.ts';

export interface SnapshotPullEnv {
  /** Pieces that may be under way, or have come and wait to be written. */
  readonly windowPieces: number;
  readonly retryMs: number;
  readonly retriesMax: number;
  readonly monotonicMs: () => number;
  readonly ask: (question: { readonly written: number; readonly first: number; readonly count: number }) => void;
}

type NumberedPiece = Exclude<SnapshotPiece, { kind: 'gone' }>;

const QUESTIONS_PER_WINDOW = 4;

/**
 * Which pieces of a snapshot a follower has asked for, and which have come. It asks for further ones as it
 * has written some, so a slow disk slows the sender down; what was lost is asked for again.
 */
export class SnapshotPull {
  readonly #env: SnapshotPullEnv;
  readonly #held = new Map<number, SnapshotPiece>();
  readonly #slots: PieceSlots;
  /** The piece that is to be written next. */
  #next = 0;
  #asked = 0;
  /** How many pieces there are, once that is known. */
  #pieces = Number.POSITIVE_INFINITY;
  #heardAtMs: number;
  #retries = 0;

  constructor(env: SnapshotPullEnv) {
    this.#env = env;
    this.#slots = new PieceSlots(env.windowPieces);
    this.#heardAtMs = env.monotonicMs();
  }

  /** Asks for as many pieces as the window has room for, several with each question. */
  ask(): void {
    const { windowPieces } = this.#env;
    const first = this.#asked;
    const end = Math.min(this.#next + windowPieces, this.#pieces);
    if (end - first < windowPieces / QUESTIONS_PER_WINDOW) return;
    this.#asked = end;
    this.#env.ask({ written: this.#next, first, count: end - first });
  }

  /** Keeps a piece that was asked for; whatever else comes is of no use. */
  take(piece: NumberedPiece): void {
    const number = piece.piece;
    if (number < this.#next || number >= this.#asked || this.#held.has(number)) return;
    this.#held.set(number, this.#ownCopy(piece));
    this.#heardAtMs = this.#env.monotonicMs();
    this.#retries = 0;
    if (piece.kind === 'end') this.#pieces = number + 1;
  }

  #ownCopy(piece: NumberedPiece): NumberedPiece {
    if (piece.kind === 'end') return piece;
    const bytes = this.#slots.room(piece.piece, piece.bytes.length);
    bytes.set(piece.bytes);
    return { ...piece, bytes };
  }

  /** The piece that is to be written next, if it has come. */
  get next(): SnapshotPiece | undefined {
    return this.#held.get(this.#next);
  }

  written(): void {
    this.#held.delete(this.#next);
    this.#next += 1;
    this.ask();
  }

  /**
   * Asks again for what has not come in time. As long as this node is `busy` itself, that only tells the sender that
   * it is still wanted.
   *
   * @returns false when it has asked in vain too often
   */
  onTick(busy: boolean): boolean {
    const { monotonicMs, retryMs, retriesMax } = this.#env;
    const nowMs = monotonicMs();
    if (nowMs - this.#heardAtMs < retryMs) return true;
    this.#heardAtMs = nowMs;
    if (busy) {
      this.#env.ask({ written: this.#next, first: this.#next, count: 0 });
      return true;
    }
    this.#retries += 1;
    if (this.#retries > retriesMax) return false;
    this.#askAgain();
    return true;
  }

  #askAgain(): void {
    const end = Math.min(this.#asked, this.#pieces);
    for (let first = this.#next; first < end; first += 1) {
      if (!this.#held.has(first)) this.#env.ask({ written: this.#next, first, count: 1 });
    }
  }
}
