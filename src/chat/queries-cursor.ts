import { sha256 } from '@noble/hashes/sha2.js';
import { fromBase64Url, toBase64Url } from '../protocol/base64url.ts';
import { ParleyError } from '../protocol/errors.ts';
import { labelled } from '../protocol/labelled.ts';
import type { ClusterId } from '../protocol/ids.ts';

/**
 * A place between two events: everything up to and including event `order` of log entry `index` lies behind it.
 * `order` is -1 for the place just before the first event of that entry.
 */
export interface Position {
  readonly index: number;
  readonly order: number;
}

/** Before all events of the entry. A client that resumes here sees the whole entry again rather than missing part. */
export const startOfEntry = (index: number): Position => ({ index, order: -1 });

/** Behind all events of the entry. */
export const endOfEntry = (index: number): Position => ({ index, order: ORDER_MAX });

export function comparePositions(a: Position, b: Position): number {
  return a.index === b.index ? a.order - b.order : a.index - b.index;
}

/** Grows when a backup is restored, so that older cursors are refused instead of misread. */
const CLUSTER_EPOCH = 0;
const FORMAT = 1;
const TAG_BYTES = 8;
/** format (1) ‖ cluster tag (8) ‖ cluster epoch (4) ‖ index (8) ‖ order + 1 (4), big-endian. */
const CURSOR_BYTES = 1 + TAG_BYTES + 4 + 8 + 4;
const ORDER_MAX = 0xffff_fffe;

/** Opaque text that every node of the cluster understands: 34 characters of base64url. */
export function encodeCursor(cluster: ClusterId, position: Position): string {
  const bytes = new Uint8Array(CURSOR_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, FORMAT);
  bytes.set(clusterTag(cluster), 1);
  view.setUint32(1 + TAG_BYTES, CLUSTER_EPOCH);
  view.setBigUint64(5 + TAG_BYTES, BigInt(position.index));
  view.setUint32(13 + TAG_BYTES, position.order + 1);
  return toBase64Url(bytes);
}

/** @throws ParleyError `cursor_invalid` for another cluster, another epoch, or what is no cursor */
export function decodeCursor(cluster: ClusterId, text: string): Position {
  const bytes = bytesOf(text);
  if (bytes.length !== CURSOR_BYTES) throw new ParleyError('cursor_invalid');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const tag = clusterTag(cluster);
  const sameCluster = tag.every((byte, i) => bytes[i + 1] === byte);
  const index = Number(view.getBigUint64(5 + TAG_BYTES));
  if (
    view.getUint8(0) !== FORMAT ||
    !sameCluster ||
    view.getUint32(1 + TAG_BYTES) !== CLUSTER_EPOCH ||
    !Number.isSafeInteger(index)
  ) {
    throw new ParleyError('cursor_invalid');
  }
  return { index, order: view.getUint32(13 + TAG_BYTES) - 1 };
}

function bytesOf(text: string): Uint8Array {
  try {
    return fromBase64Url(text);
  } catch (cause) {
    throw new ParleyError('cursor_invalid', undefined, { cause });
  }
}

/** The last one computed: a node serves one cluster. */
let lastTag: { readonly cluster: ClusterId; readonly tag: Uint8Array } | undefined;

function clusterTag(cluster: ClusterId): Uint8Array {
  if (lastTag?.cluster !== cluster) {
    lastTag = { cluster, tag: sha256(labelled('cursor', cluster)).subarray(0, TAG_BYTES) };
  }
  return lastTag.tag;
}
