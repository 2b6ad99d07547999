import { ownBytes } from './own-bytes.ts';

/** What a row costs in memory beside its key and value. */
const ROW_OVERHEAD_BYTES = 120;

/**
 * Rows as they are on disk, absent ones included; the least recently used are forgotten. Rows that were written together
 * may share a buffer: unused, they are forgotten together, too. One that is used stays longer, and gets memory of its
 * own.
 */
export class RowCache {
  readonly #rows = new Map<string, Uint8Array | undefined>();
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** `{ value: undefined }` for a row that is known to be absent; undefined when nothing is known. */
  get(key: string): { readonly value: Uint8Array | undefined } | undefined {
    const cached = this.#rows.get(key);
    if (cached === undefined && !this.#rows.has(key)) return undefined;
    const value = cached && ownBytes(cached);
    // Moves it to the end of the map's order, the newest.
    this.#rows.delete(key);
    this.#rows.set(key, value);
    return { value };
  }

  set(key: string, value: Uint8Array | undefined): void {
    this.#forget(key);
    this.#rows.set(key, value);
    this.#bytes += costBytes(key, value);
    for (const oldest of this.#rows.keys()) {
      if (this.#bytes <= this.#bytesMax) break;
      this.#forget(oldest);
    }
  }

  clear(): void {
    this.#rows.clear();
    this.#bytes = 0;
  }

  #forget(key: string): void {
    const value = this.#rows.get(key);
    if (this.#rows.delete(key)) this.#bytes -= costBytes(key, value);
  }
}

function costBytes(key: string, value: Uint8Array | undefined): number {
  return ROW_OVERHEAD_BYTES + key.length + (value?.length ?? 0);
}
