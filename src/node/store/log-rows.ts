import type { HardState, LogIndex, PeerId, Term } from '../../consensus/types.ts';
import { CHAIN_HASH_BYTES, readU64, writeU64, type ChainHash } from './chain-hash.ts';

/**
 * Keys of the log database, and its two small rows.
 *
 * Records carry the epoch of the log they belong to: installing a snapshot begins a new epoch in one row, and the
 * records of the old one become garbage at once, however many there are.
 */
export const BASE_KEY = 'base';
export const HARD_STATE_KEY = 'hard-state';

const RECORD_PREFIX = 'e';
const EPOCH_DIGITS = 8;
const INDEX_DIGITS = 14;

/** Where the retained log begins: the entry before its first. */
export interface LogBase {
  readonly epoch: number;
  readonly index: LogIndex;
  readonly term: Term;
  readonly hash: ChainHash;
}

export function recordKey(epoch: number, first: LogIndex): string {
  return RECORD_PREFIX + hexOf(epoch, EPOCH_DIGITS) + hexOf(first, INDEX_DIGITS);
}

/** No record ever has the one or the other; all others stand between them. */
export const RECORD_BOUNDS = {
  first: RECORD_PREFIX + '0'.repeat(EPOCH_DIGITS + INDEX_DIGITS),
  last: RECORD_PREFIX + 'f'.repeat(EPOCH_DIGITS + INDEX_DIGITS),
} as const;

/** Bounds of all record keys. */
export const RECORD_RANGE = { gte: RECORD_PREFIX, lt: 'f' } as const;

/** Undefined when it is no record's key. */
export function parseRecordKey(key: string): { readonly epoch: number; readonly first: LogIndex } | undefined {
  if (!/^e[0-9a-f]{22}$/.test(key)) return undefined;
  const epoch = Number.parseInt(key.slice(1, 1 + EPOCH_DIGITS), 16);
  const first = Number.parseInt(key.slice(1 + EPOCH_DIGITS), 16);
  return { epoch, first: first as LogIndex };
}

export function encodeBase(base: LogBase): Uint8Array {
  const row = Buffer.allocUnsafe(24 + CHAIN_HASH_BYTES);
  writeU64(row, 0, base.epoch);
  writeU64(row, 8, base.index);
  writeU64(row, 16, base.term);
  row.write(base.hash, 24, 'latin1');
  return row;
}

export function decodeBase(value: Uint8Array): LogBase | undefined {
  const row = bufferOf(value);
  if (row.length !== 24 + CHAIN_HASH_BYTES) return undefined;
  return {
    epoch: readU64(row, 0),
    index: readU64(row, 8) as LogIndex,
    term: readU64(row, 16) as Term,
    hash: row.toString('latin1', 24, 24 + CHAIN_HASH_BYTES),
  };
}

export function encodeHardState(state: HardState): Uint8Array {
  const row = Buffer.allocUnsafe(24);
  writeU64(row, 0, state.term);
  writeU64(row, 8, state.vote);
  writeU64(row, 16, state.commit);
  return row;
}

export function decodeHardState(value: Uint8Array): HardState | undefined {
  const row = bufferOf(value);
  if (row.length !== 24) return undefined;
  return { term: readU64(row, 0) as Term, vote: readU64(row, 8) as PeerId, commit: readU64(row, 16) as LogIndex };
}

function hexOf(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}

const bufferOf = (value: Uint8Array): Buffer => Buffer.from(value.buffer, value.byteOffset, value.byteLength);
