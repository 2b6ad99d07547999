import { hash } from 'node:crypto';
import type { ConfState, LogIndex, Term } from '../../consensus/types.ts';
import type { StampMs } from '../../protocol/ids.ts';
import type { StateSnapshotHeader } from '../ports.ts';
import { damaged } from './damage.ts';
import { MultisetHash } from './multiset-hash.ts';
import { RowDigest } from './row-digest.ts';

/**
 * Keys of a state database. Rows of the chat live under `r`; beside them stand how far the state has come (`applied`),
 * up to where it was durable (`durable`), the snapshot it began with (`installed`), and one marker per batch, so that
 * a batch that is missing between two others is noticed.
 */
export const APPLIED_KEY = 'applied';
export const DURABLE_KEY = 'durable';
export const INSTALLED_KEY = 'installed';

const ROW_PREFIX = 'r';
const MARKER_PREFIX = 'm';
export const ROW_RANGE = { gte: ROW_PREFIX, lt: 's' } as const;
export const MARKER_RANGE = { gte: MARKER_PREFIX, lt: 'n' } as const;

const CHECKSUM_BYTES = 16;

export const rowKeyOf = (key: string): string => ROW_PREFIX + key;
export const keyOfRow = (rowKey: string): string => rowKey.slice(ROW_PREFIX.length);

export function markerKey(index: LogIndex): string {
  return MARKER_PREFIX + index.toString(16).padStart(14, '0');
}

export const valueOfRow = (stored: Uint8Array): Uint8Array => stored.subarray(CHECKSUM_BYTES);
export const storedRowBytes = (value: Uint8Array): number => CHECKSUM_BYTES + value.length;

/**
 * A row as it is stored: a checksum over key and value, then the value.
 *
 * @param stored where to; as large as `storedRowBytes` says
 */
export function encodeRow(digest: Buffer, value: Uint8Array, stored: Buffer): Uint8Array {
  digest.copy(stored, 0, 0, CHECKSUM_BYTES);
  stored.set(value, CHECKSUM_BYTES);
  return stored;
}

/** Reads rows back, checking each. */
export class RowReader {
  readonly #rowDigest = new RowDigest();
  readonly #where: string;

  constructor(where: string) {
    this.#where = where;
  }

  /** Of the row that was read last. */
  get digest(): Buffer {
    return this.#rowDigest.digest;
  }

  /** @throws ParleyError `damaged` when the row is not what was written under this key */
  value(key: string, stored: Uint8Array): Uint8Array {
    const value = valueOfRow(stored);
    const digest = this.#rowDigest.of(key, value);
    if (stored.length < CHECKSUM_BYTES || digest.compare(stored, 0, CHECKSUM_BYTES, 0, CHECKSUM_BYTES) !== 0) {
      throw damaged('state', this.#where, `the checksum of row ${JSON.stringify(key)} does not match`);
    }
    return value;
  }
}

/** How far a state has come. */
export interface AppliedRow {
  readonly index: LogIndex;
  readonly term: Term;
  readonly stampMs: StampMs;
  readonly confState: ConfState;
  readonly hash: MultisetHash;
}

export function encodeApplied(applied: AppliedRow): Uint8Array {
  const { index, term, stampMs, confState } = applied;
  const state = Buffer.from(applied.hash.encode()).toString('base64');
  return seal(APPLIED_KEY, { index, term, stampMs, confState, state });
}

export function decodeApplied(stored: Uint8Array): AppliedRow | undefined {
  const row = unseal(APPLIED_KEY, stored) as (Omit<AppliedRow, 'hash'> & { state: string }) | undefined;
  if (row === undefined) return undefined;
  const { index, term, stampMs, confState } = row;
  return { index, term, stampMs, confState, hash: MultisetHash.decode(Buffer.from(row.state, 'base64')) };
}

export function encodeInstalled(header: StateSnapshotHeader): Uint8Array {
  return seal(INSTALLED_KEY, { ...header, chainHash: Buffer.from(header.chainHash).toString('base64') });
}

export function decodeInstalled(stored: Uint8Array): StateSnapshotHeader | undefined {
  const row = unseal(INSTALLED_KEY, stored) as
    | (Omit<StateSnapshotHeader, 'chainHash'> & { chainHash: string })
    | undefined;
  if (row === undefined) return undefined;
  return { ...row, chainHash: Uint8Array.from(Buffer.from(row.chainHash, 'base64')) };
}

/** A marker names the batch before it; the durable row has the same shape. */
export function encodeIndex(key: string, index: LogIndex): Uint8Array {
  return seal(key, index);
}

export function decodeIndex(key: string, stored: Uint8Array): LogIndex | undefined {
  return unseal(key, stored) as LogIndex | undefined;
}

function seal(key: string, content: unknown): Uint8Array {
  const json = JSON.stringify(content);
  return Buffer.from(sealOf(key, json) + json, 'latin1');
}

function unseal(key: string, stored: Uint8Array): unknown {
  const text = Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength).toString('latin1');
  const json = text.slice(CHECKSUM_BYTES);
  return text.slice(0, CHECKSUM_BYTES) === sealOf(key, json) ? JSON.parse(json) : undefined;
}

function sealOf(key: string, json: string): string {
  return hash('sha256', Buffer.from(`${key}\0${json}`, 'latin1'), 'binary').slice(0, CHECKSUM_BYTES);
}
