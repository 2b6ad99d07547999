/** What one socket was shown of each room, across all its connections. */
export class SeenSeqs {
  readonly #last = new Map<string, number>();
  readonly #onTrouble: (kind: 'gap' | 'dup', what: string) => void;

  constructor(onTrouble: (kind: 'gap' | 'dup', what: string) => void) {
    this.#onTrouble = onTrouble;
  }

  /** @param seq of a message that came; the first of a room begins it */
  take(room: string, seq: number): void {
    const last = this.#last.get(room);
    if (last !== undefined && seq > last + 1) this.#onTrouble('gap', `${room}: ${seq} came after ${last}`);
    if (last !== undefined && seq <= last) this.#onTrouble('dup', `${room}: ${seq} came again after ${last}`);
    this.#last.set(room, Math.max(seq, last ?? 0));
  }

  lastOf(room: string): number {
    return this.#last.get(room) ?? 0;
  }
}
