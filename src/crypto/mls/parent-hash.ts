import { equalBytes } from '../bytes.ts';
import { verify } from './error.ts';
import { encode } from './tls-writer.ts';
import { nodeHash, nodeHashWithout } from './tree-hash.ts';
import { isLeaf, isInSubtree, leafOfNode, left, nodeOfLeaf, right } from './tree-math.ts';
import type { PublicSuite } from './cipher-suite.ts';
import type { ParentNode } from './parent-node.ts';
import type { RatchetTree } from './ratchet-tree.ts';

type Hash = Pick<PublicSuite, 'hash'>;

const EMPTY = new Uint8Array(0);

/** ParentHashInput (RFC 9420 section 7.9), hashed. */
function parentHash(suite: Hash, parent: ParentNode, originalSiblingTreeHash: Uint8Array): Uint8Array {
  const input = encode((writer) => {
    writer.opaque(parent.encryptionKey).opaque(parent.parentHash).opaque(originalSiblingTreeHash);
  }, null);
  return suite.hash(input);
}

/**
 * Blanks the leaf's direct path and puts these keys on its filtered direct path (section 7.5).
 * @param encryptionKeys one per node of the filtered direct path, lowest first
 * @returns the parent hash that the committer's leaf must have
 */
export function mergePathKeys(
  suite: Hash,
  tree: RatchetTree,
  leafIndex: number,
  encryptionKeys: readonly Uint8Array[],
): Uint8Array {
  tree.blankDirectPath(leafIndex);
  const steps = tree.filteredDirectPath(leafIndex);
  verify(steps.length === encryptionKeys.length, 'bad_path', 'The path has not one node per filtered ancestor.');
  let hash: Uint8Array = EMPTY;
  for (let i = steps.length - 1; i >= 0; i--) {
    const { node, copathChild } = steps[i]!;
    const parent = { encryptionKey: encryptionKeys[i]!, parentHash: hash, unmergedLeaves: [] };
    tree.set(node, parent);
    hash = parentHash(suite, parent, nodeHash(suite, tree, copathChild));
  }
  return hash;
}

/** Section 7.9.2, as a joiner must check it: every parent is covered by exactly one chain. */
export function isParentHashValid(suite: Hash, tree: RatchetTree, node: number): boolean {
  const sides = [
    { child: left(node), sibling: right(node) },
    { child: right(node), sibling: left(node) },
  ];
  return sides.reduce((count, side) => count + chainsThrough(suite, tree, node, side), 0) === 1;
}

/** How many descendants D under `child` have a parent hash that is valid with respect to `node`. */
function chainsThrough(
  suite: Hash,
  tree: RatchetTree,
  node: number,
  { child, sibling }: { readonly child: number; readonly sibling: number },
): number {
  const parent = tree.parentAt(node)!;
  const expected = parentHash(suite, parent, nodeHashWithout(suite, tree, sibling, parent.unmergedLeaves));
  const unmergedBelow = parent.unmergedLeaves.map(nodeOfLeaf).filter((leaf) => isInSubtree(leaf, child));
  const resolution = tree.resolution(child);
  return resolution.filter((descendant) => {
    if (!equalBytes(parentHashAt(tree, descendant), expected)) return false;
    const others = resolution.filter((other) => other !== descendant);
    return others.length === unmergedBelow.length && others.every((other) => unmergedBelow.includes(other));
  }).length;
}

function parentHashAt(tree: RatchetTree, node: number): Uint8Array {
  if (!isLeaf(node)) return tree.parentAt(node)!.parentHash;
  const { source } = tree.leafAt(leafOfNode(node))!;
  // An honest parent hash is never empty below the root, and a leaf of another source has none.
  return source.type === 'commit' ? source.parentHash : EMPTY;
}
