import { Packr } from 'msgpackr';
import type { SnapshotMetadata } from '../../consensus/types.ts';
import { ParleyError } from '../../protocol/errors.ts';
import type { ClusterId, StampMs } from '../../protocol/ids.ts';
import type { StateSnapshotHeader } from '../ports.ts';

/** How a snapshot is described in `MsgSnap`, and how its pieces are asked for. */

/** Names one opened snapshot of one process of one node. */
export interface SnapshotId {
  readonly boot: number;
  readonly number: number;
}

export interface SnapshotDescription {
  readonly id: SnapshotId;
  readonly format: number;
  readonly clusterId: ClusterId;
  readonly chainHash: Uint8Array;
  readonly stampMs: StampMs;
  readonly stateHash: string;
}

export type SnapshotRequest =
  | SnapshotPull
  | { readonly kind: 'finished'; readonly id: SnapshotId; readonly ok: boolean };

/** Asks for the pieces from `first` on, `count` of them, perhaps none: then it says that the follower is still there. */
export interface SnapshotPull {
  readonly kind: 'pull';
  readonly id: SnapshotId;
  /** All pieces before this one are written: they are never asked for again. */
  readonly written: number;
  readonly first: number;
  readonly count: number;
}

const VERSION = 2;
/** How rows are encoded; see `store/row-stream.ts`. */
export const SNAPSHOT_FORMAT = 1;
const packr = new Packr({ useRecords: false, moreTypes: false });

export const sameSnapshot = (a: SnapshotId, b: SnapshotId): boolean => a.boot === b.boot && a.number === b.number;

export function encodeDescription(id: SnapshotId, header: StateSnapshotHeader): Uint8Array {
  const { format, clusterId, chainHash, stampMs, stateHash } = header;
  return packr.pack([VERSION, id.boot, id.number, format, clusterId, chainHash, stampMs, stateHash]);
}

/** @throws ParleyError `bad_request` */
export function decodeDescription(bytes: Uint8Array): SnapshotDescription {
  const [boot, number, format, clusterId, chainHash, stampMs, stateHash] = fieldsOf(bytes, 7);
  if (!isCount(boot) || !isCount(number) || !isCount(format) || typeof clusterId !== 'string') throw malformed();
  if (!(chainHash instanceof Uint8Array) || typeof stampMs !== 'number' || typeof stateHash !== 'string') {
    throw malformed();
  }
  return {
    id: { boot, number },
    format,
    clusterId: clusterId as ClusterId,
    chainHash: Uint8Array.from(chainHash),
    stampMs: stampMs as StampMs,
    stateHash,
  };
}

export function headerOf(description: SnapshotDescription, metadata: SnapshotMetadata): StateSnapshotHeader {
  const { clusterId, chainHash, stampMs, stateHash } = description;
  return { format: SNAPSHOT_FORMAT, clusterId, metadata, chainHash, stampMs, stateHash };
}

export function encodeRequest(request: SnapshotRequest): Uint8Array {
  const { boot, number } = request.id;
  if (request.kind === 'finished') return packr.pack([VERSION, 1, boot, number, request.ok, 0, 0]);
  return packr.pack([VERSION, 0, boot, number, request.written, request.first, request.count]);
}

/** @throws ParleyError `bad_request` */
export function decodeRequest(bytes: Uint8Array): SnapshotRequest {
  const [kind, boot, number, detail, first, count] = fieldsOf(bytes, 6);
  if (!isCount(boot) || !isCount(number) || !isCount(first) || !isCount(count)) throw malformed();
  const id = { boot, number };
  if (kind === 0 && isCount(detail)) return { kind: 'pull', id, written: detail, first, count };
  if (kind === 1 && typeof detail === 'boolean') return { kind: 'finished', id, ok: detail };
  throw malformed();
}

function fieldsOf(bytes: Uint8Array, count: number): unknown[] {
  let value: unknown;
  try {
    value = packr.unpack(bytes);
  } catch (cause) {
    throw new ParleyError('bad_request', 'A snapshot frame is malformed.', { cause });
  }
  if (!Array.isArray(value) || value[0] !== VERSION || value.length !== count + 1) throw malformed();
  return value.slice(1);
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

const malformed = (): ParleyError => new ParleyError('bad_request', 'A snapshot frame is malformed.');
