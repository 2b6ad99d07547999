/** A block is split when it is longer: what an insertion moves at most. */
const BLOCK_KEYS_MAX = 512;

/** Keys in order, in memory, in blocks. */
export class SortedKeys {
  /** None is empty but the only one. */
  readonly #blocks: string[][];

  /** @param keys in any order, each once */
  constructor(keys: readonly string[] = []) {
    const sorted = keys.toSorted(byKey);
    this.#blocks = [[]];
    for (let from = 0; from < sorted.length; from += BLOCK_KEYS_MAX) {
      this.#blocks[from / BLOCK_KEYS_MAX] = sorted.slice(from, from + BLOCK_KEYS_MAX);
    }
  }

  add(key: string): void {
    const number = this.#blockFor(key);
    const block = this.#blocks[number]!;
    const at = placeOf(block, key);
    if (block[at] === key) return;
    block.splice(at, 0, key);
    if (block.length > BLOCK_KEYS_MAX) this.#blocks.splice(number + 1, 0, block.splice(BLOCK_KEYS_MAX / 2));
  }

  delete(key: string): void {
    const number = this.#blockFor(key);
    const block = this.#blocks[number]!;
    const at = placeOf(block, key);
    if (block[at] !== key) return;
    block.splice(at, 1);
    if (block.length === 0 && this.#blocks.length > 1) this.#blocks.splice(number, 1);
  }

  /** The first keys from `gte` on and before `lt`, at most `limit`; where `reverse`, the last ones, from the last on. */
  between({ gte = '', lt, limit = Infinity, reverse = false }: KeyBounds): string[] {
    const found: string[] = [];
    const step = reverse ? -1 : 1;
    let number = reverse ? (lt === undefined ? this.#blocks.length - 1 : this.#blockFor(lt)) : this.#blockFor(gte);
    for (let block = this.#blocks[number]; block !== undefined; block = this.#blocks[(number += step)]) {
      const part = block.slice(placeOf(block, gte), lt === undefined ? undefined : placeOf(block, lt));
      for (const key of reverse ? part.reverse() : part) {
        if (found.length >= limit) return found;
        found.push(key);
      }
      const isLast = reverse ? block[0]! < gte : lt !== undefined && (block.at(-1) ?? lt) >= lt;
      if (isLast) break;
    }
    return found;
  }

  /** The block that holds the key, or would. */
  #blockFor(key: string): number {
    let [low, high] = [0, this.#blocks.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#blocks[middle]![0]! <= key) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

export interface KeyBounds {
  readonly gte?: string | undefined;
  readonly lt?: string | undefined;
  readonly limit?: number | undefined;
  readonly reverse?: boolean | undefined;
}

const byKey = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Where the key is in a block, or would be. */
function placeOf(block: readonly string[], key: string): number {
  let [low, high] = [0, block.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (block[middle]! < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
