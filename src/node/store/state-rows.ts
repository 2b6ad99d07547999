import type { ConfState, LogIndex, Term } from '../../consensus/types.ts';
import type { StampMs } from '../../protocol/ids.ts';
import type { StateSnapshotHeader } from '../ports.ts';
import { MultisetHash } from './multiset-hash.ts';

/**
 * Keys of a state database. Rows of the chat live under `r`, those whose keys would tell more than ids under `h` (see
 * `hidden-rows.ts`); beside them stand how far the state has come (`applied`), up to where it was durable (`durable`),
 * the snapshot it began with (`installed`), and one marker per batch, so that a batch that is missing between two
 * others is noticed.
 */
export const APPLIED_KEY = 'applied';
export const DURABLE_KEY = 'durable';
export const INSTALLED_KEY = 'installed';

export const ROW_PREFIX = 'r';
const MARKER_PREFIX = 'm';
export const ROW_RANGE = { gte: ROW_PREFIX, lt: 's' } as const;
export const HIDDEN_PREFIX = 'h';
export const HIDDEN_RANGE = { gte: HIDDEN_PREFIX, lt: 'i' } as const;
export const MARKER_RANGE = { gte: MARKER_PREFIX, lt: 'n' } as const;

export function markerKey(index: LogIndex): string {
  return MARKER_PREFIX + index.toString(16).padStart(14, '0');
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
  return encode({ index, term, stampMs, confState, state });
}

export function decodeApplied(stored: Uint8Array): AppliedRow {
  const { index, term, stampMs, confState, state } = decode(stored) as Omit<AppliedRow, 'hash'> & { state: string };
  return { index, term, stampMs, confState, hash: MultisetHash.decode(Buffer.from(state, 'base64')) };
}

export function encodeInstalled(header: StateSnapshotHeader): Uint8Array {
  return encode({ ...header, chainHash: Buffer.from(header.chainHash).toString('base64') });
}

export function decodeInstalled(stored: Uint8Array): StateSnapshotHeader {
  const row = decode(stored) as Omit<StateSnapshotHeader, 'chainHash'> & { chainHash: string };
  return { ...row, chainHash: Uint8Array.from(Buffer.from(row.chainHash, 'base64')) };
}

/** A marker names the batch before it; the durable row has the same shape. */
export function encodeIndex(index: LogIndex): Uint8Array {
  return encode(index);
}

export function decodeIndex(stored: Uint8Array): LogIndex {
  return decode(stored) as LogIndex;
}

function encode(content: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(content));
}

/** What is read was sealed by this program under this key. */
function decode(stored: Uint8Array): unknown {
  return JSON.parse(Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength).toString());
}
