import type { AppliedRow } from './state-rows.ts';
import { MultisetHash } from './multiset-hash.ts';
import { RowDigest } from './row-digest.ts';

/** Null stands for a deleted row. */
export type RowChange = Uint8Array | null;
export type Position = Omit<AppliedRow, 'hash'>;

/** What a change costs in memory beside its key and value. */
const CHANGE_OVERHEAD_BYTES = 200;

/**
 * Changes of consecutive entries that are written to disk together. Entries join it until it is sealed; sealing
 * computes the state hash after it, so that a row which changed a hundred times meanwhile is hashed once.
 */
export class ChangeGroup {
  readonly rows = new Map<string, RowChange>();
  /** The same rows before this group. */
  readonly #before = new Map<string, Uint8Array | undefined>();
  position: Position;
  bytes = 0;
  #sealed: SealedGroup | undefined;

  constructor(position: Position) {
    this.position = position;
  }

  get sealed(): SealedGroup | undefined {
    return this.#sealed;
  }

  /** @param before the value until now */
  change(key: string, value: RowChange, before: Uint8Array | undefined): void {
    if (!this.#before.has(key)) {
      this.#before.set(key, before);
      this.bytes += CHANGE_OVERHEAD_BYTES + key.length + (before?.length ?? 0);
    }
    this.bytes += (value?.length ?? 0) - (this.rows.get(key)?.length ?? 0);
    this.rows.set(key, value);
  }

  /** @param before hash of the state before this group */
  seal(before: MultisetHash): SealedGroup {
    if (this.#sealed !== undefined) return this.#sealed;
    const hash = new MultisetHash(before);
    // In memory of its own: some of it stays in the cache.
    const room = Buffer.allocUnsafeSlow(this.#valueBytes());
    let at = 0;
    const rowDigest = new RowDigest();
    const rows: [string, Uint8Array | undefined][] = [];
    for (const [key, value] of this.rows) {
      const old = this.#before.get(key);
      if (old !== undefined) hash.remove(key, old);
      if (value === null) {
        rows.push([key, undefined]);
        continue;
      }
      hash.addDigest(rowDigest.of(key, value));
      room.set(value, at);
      rows.push([key, room.subarray(at, (at += value.length))]);
    }
    this.#sealed = { rows, applied: { ...this.position, hash } };
    return this.#sealed;
  }

  #valueBytes(): number {
    let bytes = 0;
    for (const value of this.rows.values()) bytes += value?.length ?? 0;
    return bytes;
  }
}

export interface SealedGroup {
  readonly rows: readonly (readonly [key: string, value: Uint8Array | undefined])[];
  readonly applied: AppliedRow;
}
