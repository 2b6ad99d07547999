import type { StateSnapshot } from '../ports.ts';
import { PieceSlots } from './piece-slots.ts';
import type { SnapshotId, SnapshotPull } from './snapshot-frames.ts';
import type { SnapshotPiece } from './snapshot-piece.ts';

export interface SnapshotStreamEnv {
  readonly id: SnapshotId;
  readonly snapshot: StateSnapshot;
  readonly chunkBytesMax: number;
  /** Pieces that may be under way, and so are kept. */
  readonly windowPieces: number;
  readonly send: (piece: SnapshotPiece) => void;
  readonly onFatal: (error: unknown) => void;
}

/**
 * One opened view of the state on its way to one follower, cut into numbered pieces. Pieces are read in order, as far
 * as they were asked for, and kept until the follower has written them, so that a lost one can be sent again. Holds no
 * more than a window of them.
 */
export class SnapshotStream {
  readonly #env: SnapshotStreamEnv;
  /** Read, and perhaps not written by the follower yet. */
  readonly #kept = new Map<number, SnapshotPiece>();
  readonly #slots: PieceSlots;
  #written = 0;
  #nextPiece = 0;
  /** Pieces before this one were asked for. */
  #wanted = 0;
  #reading = false;
  #ended = false;
  #closed = false;

  constructor(env: SnapshotStreamEnv) {
    this.#env = env;
    this.#slots = new PieceSlots(env.windowPieces);
  }

  onPull({ written, first, count }: SnapshotPull): void {
    for (; this.#written < Math.min(written, this.#nextPiece); this.#written += 1) this.#kept.delete(this.#written);
    const end = Math.min(first + count, this.#written + this.#env.windowPieces);
    for (let piece = first; piece < end; piece += 1) {
      const kept = this.#kept.get(piece);
      if (kept !== undefined) this.#env.send(kept);
    }
    this.#wanted = Math.max(this.#wanted, end);
    this.#readOn();
  }

  #readOn(): void {
    if (this.#reading || this.#ended || this.#closed || this.#nextPiece >= this.#wanted) return;
    const { snapshot, chunkBytesMax, onFatal } = this.#env;
    this.#reading = true;
    snapshot.nextChunk(this.#slots.room(this.#nextPiece, chunkBytesMax)).then(
      (bytes) => {
        this.#reading = false;
        if (!this.#closed) this.#onChunk(bytes);
      },
      (error: unknown) => {
        // A view that was closed under the reading cannot be read on; that is no fault of the state.
        if (!this.#closed) onFatal(error);
      },
    );
  }

  #onChunk(bytes: Uint8Array | undefined): void {
    const { id, send } = this.#env;
    const at = { id, piece: this.#nextPiece };
    const piece: SnapshotPiece = bytes === undefined ? { kind: 'end', ...at } : { kind: 'rows', ...at, bytes };
    this.#kept.set(this.#nextPiece, piece);
    this.#nextPiece += 1;
    this.#ended = bytes === undefined;
    send(piece);
    this.#readOn();
  }

  close(): void {
    this.#closed = true;
    this.#kept.clear();
    this.#env.snapshot.close().catch(this.#env.onFatal);
  }
}
