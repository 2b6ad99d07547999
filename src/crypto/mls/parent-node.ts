import { verify } from './error.ts';
import type { TlsReader } from './tls-reader.ts';
import type { TlsWriter } from './tls-writer.ts';

/** RFC 9420 section 7.1. */
export interface ParentNode {
  readonly encryptionKey: Uint8Array;
  /** Empty at the root. */
  readonly parentHash: Uint8Array;
  /** Leaf indices, ascending. */
  readonly unmergedLeaves: readonly number[];
}

export function writeParentNode(writer: TlsWriter, node: ParentNode): void {
  writer.opaque(node.encryptionKey).opaque(node.parentHash);
  writer.vector(node.unmergedLeaves, (inner, leaf) => inner.uint32(leaf));
}

export function readParentNode(reader: TlsReader): ParentNode {
  const encryptionKey = reader.opaque();
  const parentHash = reader.opaque();
  const unmergedLeaves = reader.vector((inner) => inner.uint32());
  const isAscending = unmergedLeaves.every((leaf, i) => i === 0 || unmergedLeaves[i - 1]! < leaf);
  verify(isAscending, 'malformed', 'Unmerged leaves are not in ascending order.');
  return { encryptionKey, parentHash, unmergedLeaves };
}
