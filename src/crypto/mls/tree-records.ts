import { verify } from './error.ts';
import { RatchetTree, readOptionalNode, writeOptionalNode } from './ratchet-tree.ts';
import { decode } from './tls-reader.ts';
import { encode } from './tls-writer.ts';
import { fullLeafCount, nodeCount } from './tree-math.ts';
import type { TreeNode } from './ratchet-tree.ts';

/** A change of a durable record: null deletes it. */
export type RecordChanges = Map<string, Uint8Array | null>;

const recordKey = (node: number): string => `tree/${node}`;

/**
 * A tree as one record per node, each with the hash of the subtree below it where that is known: after a commit, the
 * records of one path change.
 */
export function collectTreeChanges(changes: RecordChanges, before: RatchetTree | null, after: RatchetTree): void {
  const [oldCount, newCount] = [before === null ? 0 : nodeCount(before.leafCount), nodeCount(after.leafCount)];
  for (let node = 0; node < Math.max(oldCount, newCount); node++) {
    if (node >= newCount) {
      changes.set(recordKey(node), null);
      continue;
    }
    const isKept = before !== null && node < oldCount && before.nodeAt(node) === after.nodeAt(node);
    const [value, hash] = [after.nodeAt(node), after.cachedHash(node)];
    if (!isKept || before.cachedHash(node) !== hash) changes.set(recordKey(node), encodeNode(node, value, hash));
  }
}

/** @throws MlsError (`malformed`, `bad_tree`) for records that are not those of a tree */
export function readTreeRecords(records: ReadonlyMap<string, Uint8Array>, leafCount: number): RatchetTree {
  verify(leafCount === fullLeafCount(leafCount), 'malformed', 'The number of leaves is no power of two.');
  const nodes: (TreeNode | null)[] = [];
  const hashes: (Uint8Array | undefined)[] = [];
  for (let node = 0; node < nodeCount(leafCount); node++) {
    const record = records.get(recordKey(node));
    verify(record !== undefined, 'bad_tree', `The record of node ${node} is missing.`);
    const { value, hash } = decode(
      (reader) => ({ value: readOptionalNode(reader, node), hash: reader.optional((inner) => inner.opaque()) }),
      record,
    );
    nodes.push(value);
    hashes.push(hash ?? undefined);
  }
  return new RatchetTree(nodes, hashes);
}

function encodeNode(node: number, value: TreeNode | null, hash: Uint8Array | undefined): Uint8Array {
  return encode((writer) => {
    writeOptionalNode(writer, node, value);
    writer.optional(hash ?? null, (inner, bytes) => inner.opaque(bytes));
  }, null);
}
