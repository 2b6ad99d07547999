import { violation } from '../invariants.ts';
import type { LogIndex } from '../types.ts';

/**
 * The append messages under way to one peer: for each the index of its last entry and the bytes of
 * its entries, oldest first. Bounded by number and, softly, by bytes: the message that reaches the
 * byte bound is still let out.
 */
export class Inflights {
  readonly #messagesMax: number;
  readonly #bytesMax: number;
  /** Two rings of the same size, grown on demand. */
  #indexes: number[] = [];
  #sizes: number[] = [];
  #start = 0;
  #count = 0;
  #bytes = 0;

  constructor(messagesMax: number, bytesMax: number) {
    this.#messagesMax = messagesMax;
    this.#bytesMax = bytesMax;
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get full(): boolean {
    return this.#count === this.#messagesMax || this.#bytes >= this.#bytesMax;
  }

  /** Notes a message. Indexes never decrease from call to call; the window must not be full. */
  add(lastIndex: LogIndex, bytes: number): void {
    if (this.full) throw violation('adding to a full window of inflight messages');
    if (this.#count === this.#indexes.length) this.#grow();
    const at = this.#slot(this.#count);
    this.#indexes[at] = lastIndex;
    this.#sizes[at] = bytes;
    this.#count += 1;
    this.#bytes += bytes;
  }

  /** Forgets all messages up to and including `index`. */
  freeTo(index: LogIndex): void {
    while (this.#count > 0 && this.#indexes[this.#start]! <= index) {
      this.#bytes -= this.#sizes[this.#start]!;
      this.#count -= 1;
      this.#start = this.#count === 0 ? 0 : this.#slot(1);
    }
  }

  reset(): void {
    this.#start = 0;
    this.#count = 0;
    this.#bytes = 0;
  }

  #slot(position: number): number {
    const at = this.#start + position;
    return at < this.#indexes.length ? at : at - this.#indexes.length;
  }

  #grow(): void {
    const indexes: number[] = [];
    const sizes: number[] = [];
    for (let position = 0; position < this.#count; position += 1) {
      indexes.push(this.#indexes[this.#slot(position)]!);
      sizes.push(this.#sizes[this.#slot(position)]!);
    }
    const size = Math.min(Math.max(1, this.#count * 2), this.#messagesMax);
    while (indexes.length < size) {
      indexes.push(0);
      sizes.push(0);
    }
    this.#indexes = indexes;
    this.#sizes = sizes;
    this.#start = 0;
  }
}
