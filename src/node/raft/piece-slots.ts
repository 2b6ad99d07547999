/**
 * Room for the pieces of one window, used over and over. A buffer of its own for every piece would, by the time it is
 * of no more use, be so old that only a full garbage collection frees it: many megabytes pile up until then.
 */
export class PieceSlots {
  readonly #slots: Uint8Array[];

  constructor(windowPieces: number) {
    this.#slots = Array.from({ length: windowPieces }, () => new Uint8Array(0));
  }

  /** Room for the piece with this number, valid until it is the turn of the piece that is a window further on. */
  room(piece: number, bytes: number): Uint8Array {
    const slot = piece % this.#slots.length;
    // Pieces differ in size: a power of two will most likely do for all of them.
    if (this.#slots[slot]!.length < bytes) this.#slots[slot] = new Uint8Array(2 ** Math.ceil(Math.log2(bytes)));
    return this.#slots[slot]!.subarray(0, bytes);
  }
}
