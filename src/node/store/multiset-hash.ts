import { hash } from 'node:crypto';
import { ROW_DIGEST_BYTES, RowDigest } from './row-digest.ts';

const LANES = ROW_DIGEST_BYTES / 4;

/**
 * A hash of a set of rows that does not depend on how they came to be: adding a row adds the sixteen 32-bit lanes of
 * its SHA-512, removing it subtracts them, both modulo 2³². The construction is the additive one of Bellare and
 * Micciancio, "A New Paradigm for Collision-Free Hashing: Incrementality at Reduced Cost" (1997), as a multiset hash
 * in Clarke, Devadas, van Dijk, Gassend and Suh, "Incremental Multiset Hash Functions" (2003), with lanes instead of
 * one long sum as in LtHash (Lewi, Kim, Maykov, Weis, 2019).
 *
 * It finds out nodes that differ by accident. It is too short to withstand somebody who searches for colliding sets
 * of rows: nothing may be trusted because of it alone.
 */
export class MultisetHash {
  readonly #lanes: Uint32Array;
  #rows: number;
  readonly #rowDigest = new RowDigest();

  constructor(from?: MultisetHash) {
    this.#lanes = from === undefined ? new Uint32Array(LANES) : from.#lanes.slice();
    this.#rows = from === undefined ? 0 : from.#rows;
  }

  get rows(): number {
    return this.#rows;
  }

  add(key: string, value: Uint8Array): void {
    this.addDigest(this.#rowDigest.of(key, value));
  }

  remove(key: string, value: Uint8Array): void {
    const digest = this.#rowDigest.of(key, value);
    for (let lane = 0; lane < LANES; lane += 1) {
      this.#lanes[lane] = this.#lanes[lane]! - digest.readUInt32LE(4 * lane);
    }
    this.#rows -= 1;
  }

  /** Adds a row by the digest that `RowDigest` made of it. */
  addDigest(digest: Buffer): void {
    for (let lane = 0; lane < LANES; lane += 1) {
      this.#lanes[lane] = this.#lanes[lane]! + digest.readUInt32LE(4 * lane);
    }
    this.#rows += 1;
  }

  /** What nodes compare: SHA-256 over the number of rows and the lanes, 64 hex digits. */
  hex(): string {
    return hash('sha256', this.encode(), 'hex');
  }

  /** Number of rows and lanes, to go on from later. */
  encode(): Uint8Array {
    const bytes = Buffer.alloc(8 + ROW_DIGEST_BYTES);
    bytes.writeBigUInt64LE(BigInt(this.#rows), 0);
    for (let lane = 0; lane < LANES; lane += 1) bytes.writeUInt32LE(this.#lanes[lane]!, 8 + 4 * lane);
    return bytes;
  }

  static decode(value: Uint8Array): MultisetHash {
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    const decoded = new MultisetHash();
    decoded.#rows = Number(bytes.readBigUInt64LE(0));
    for (let lane = 0; lane < LANES; lane += 1) decoded.#lanes[lane] = bytes.readUInt32LE(8 + 4 * lane);
    return decoded;
  }
}
