/**
 * Heights of rows one below the other, as a tree of partial sums (P. M. Fenwick, "A New Data Structure for Cumulative
 * Frequency Tables", 1994): where a row begins, and which row is at a place, in logarithmic time for any number of rows.
 */
export class Heights {
  readonly count: number;
  readonly #heights: Float64Array;
  /** `#sums[i]` is the sum of the `i & -i` heights that end before row `i`. */
  readonly #sums: Float64Array;

  constructor(count: number, heightOf: (row: number) => number) {
    this.count = count;
    this.#heights = new Float64Array(count);
    this.#sums = new Float64Array(count + 1);
    for (let row = 0; row < count; row++) this.#heights[row] = heightOf(row);
    for (let i = 1; i <= count; i++) {
      this.#sums[i]! += this.#heights[i - 1]!;
      const parent = i + (i & -i);
      if (parent <= count) this.#sums[parent]! += this.#sums[i]!;
    }
  }

  get total(): number {
    return this.offsetOf(this.count);
  }

  heightOf(row: number): number {
    return this.#heights[row] ?? 0;
  }

  /** Where a row begins; of `count`, where all end. */
  offsetOf(row: number): number {
    let sum = 0;
    for (let i = Math.min(row, this.count); i > 0; i -= i & -i) sum += this.#sums[i]!;
    return sum;
  }

  /** The row at a place; the first or the last one where the place is outside. -1 where there is no row. */
  rowAt(offset: number): number {
    if (this.count === 0) return -1;
    let [row, left] = [0, Math.max(0, offset)];
    for (let step = 2 ** Math.floor(Math.log2(this.count)); step >= 1; step /= 2) {
      const next = row + step;
      if (next > this.count || this.#sums[next]! > left) continue;
      row = next;
      left -= this.#sums[next]!;
    }
    return Math.min(row, this.count - 1);
  }

  set(row: number, height: number): void {
    const change = height - this.#heights[row]!;
    this.#heights[row] = height;
    for (let i = row + 1; i <= this.count; i += i & -i) this.#sums[i]! += change;
  }
}
