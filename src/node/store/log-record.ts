import type { Entry, LogIndex, Term } from '../../consensus/types.ts';
import {
  CHAIN_HASH_BYTES,
  ENTRY_HEAD_BYTES,
  entryTypeOf,
  hashLink,
  readU64,
  writeEntryHead,
  type ChainHash,
} from './chain-hash.ts';

/**
 * Entries that were written together, packed into one LevelDB value:
 *
 *     version u8, count u32, count × data length u32, hash before (32 bytes),
 *     count × (term u64, index u64, type u8, data, hash (32 bytes))
 *
 * so that what an entry's hash covers always stands in one piece before it, and nothing is copied to hash it.
 */
const RECORD_VERSION = 1;
const HEAD_BYTES = 5;
const PER_ENTRY_BYTES = 4 + ENTRY_HEAD_BYTES + CHAIN_HASH_BYTES;

export interface LogRecord {
  /** Of the entry before the first. */
  readonly before: ChainHash;
  readonly entries: readonly Entry[];
  /** `hashes[i]` belongs to `entries[i]`. */
  readonly hashes: readonly ChainHash[];
}

export interface PackedRecord {
  readonly bytes: Uint8Array;
  readonly hashes: readonly ChainHash[];
}

export function packRecord(before: ChainHash, entries: readonly Entry[]): PackedRecord {
  let size = HEAD_BYTES + CHAIN_HASH_BYTES + entries.length * PER_ENTRY_BYTES;
  for (const entry of entries) size += entry.data.length;
  const bytes = Buffer.allocUnsafe(size);
  bytes[0] = RECORD_VERSION;
  bytes.writeUInt32BE(entries.length, 1);
  let at = HEAD_BYTES;
  for (const entry of entries) at = bytes.writeUInt32BE(entry.data.length, at);
  at += bytes.write(before, at, 'latin1');
  const hashes: ChainHash[] = [];
  for (const entry of entries) {
    const start = at - CHAIN_HASH_BYTES;
    writeEntryHead(bytes, at, entry);
    at += ENTRY_HEAD_BYTES;
    bytes.set(entry.data, at);
    at += entry.data.length;
    const hash = hashLink(bytes.subarray(start, at));
    at += bytes.write(hash, at, 'latin1');
    hashes.push(hash);
  }
  return { bytes, hashes };
}

/** Bytes that an entry adds to a record. */
export function packedBytes(entry: Entry): number {
  return PER_ENTRY_BYTES + entry.data.length;
}

/**
 * Reads a record and checks every hash in it and that its indexes follow each other.
 *
 * @returns undefined when any of it does not hold
 */
export function unpackRecord(value: Uint8Array): LogRecord | undefined {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (bytes.length < HEAD_BYTES || bytes[0] !== RECORD_VERSION) return undefined;
  const count = bytes.readUInt32BE(1);
  let at = HEAD_BYTES + 4 * count;
  if (count === 0 || bytes.length < at + CHAIN_HASH_BYTES) return undefined;
  const before = bytes.toString('latin1', at, at + CHAIN_HASH_BYTES);
  at += CHAIN_HASH_BYTES;
  const entries: Entry[] = [];
  const hashes: ChainHash[] = [];
  for (let position = 0; position < count; position += 1) {
    const dataBytes = bytes.readUInt32BE(HEAD_BYTES + 4 * position);
    const end = at + ENTRY_HEAD_BYTES + dataBytes;
    if (end + CHAIN_HASH_BYTES > bytes.length) return undefined;
    const entry = readEntry(bytes, at, end);
    const hash = bytes.toString('latin1', end, end + CHAIN_HASH_BYTES);
    if (entry === undefined || hash !== hashLink(bytes.subarray(at - CHAIN_HASH_BYTES, end))) return undefined;
    if (position > 0 && !follows(entries[position - 1]!, entry)) return undefined;
    entries.push(entry);
    hashes.push(hash);
    at = end + CHAIN_HASH_BYTES;
  }
  return at === bytes.length ? { before, entries, hashes } : undefined;
}

function readEntry(bytes: Buffer, at: number, end: number): Entry | undefined {
  const term = readU64(bytes, at);
  const index = readU64(bytes, at + 8);
  const type = entryTypeOf(bytes[at + 16]);
  if (type === undefined || !Number.isSafeInteger(term) || !Number.isSafeInteger(index)) return undefined;
  return { term: term as Term, index: index as LogIndex, type, data: bytes.subarray(at + ENTRY_HEAD_BYTES, end) };
}

/** Whether `next` may stand directly after `entry` in any log. */
export function follows(entry: Entry, next: Entry): boolean {
  return next.index === entry.index + 1 && next.term >= entry.term;
}
