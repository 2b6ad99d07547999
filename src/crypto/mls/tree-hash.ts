import { writeLeafNode } from './leaf-node.ts';
import { writeParentNode } from './parent-node.ts';
import { encode } from './tls-writer.ts';
import { isLeaf, isInSubtree, leafOfNode, left, nodeOfLeaf, right } from './tree-math.ts';
import type { PublicSuite } from './cipher-suite.ts';
import type { RatchetTree } from './ratchet-tree.ts';

type Hash = Pick<PublicSuite, 'hash'>;

/** The tree hash of the whole tree (RFC 9420 section 7.8). Costs O(log n) after a change of one path. */
export function treeHash(suite: Hash, tree: RatchetTree): Uint8Array {
  return nodeHash(suite, tree, tree.root);
}

/** The tree hash of one node. */
export function nodeHash(suite: Hash, tree: RatchetTree, node: number): Uint8Array {
  const cached = tree.cachedHash(node);
  if (cached !== undefined) return cached;
  const hash = computeHash(suite, tree, node, []);
  tree.cacheHash(node, hash);
  return hash;
}

/**
 * The tree hash as if these leaves were blank and in no list of unmerged leaves: `original_sibling_tree_hash` of
 * section 7.9.
 */
export function nodeHashWithout(suite: Hash, tree: RatchetTree, node: number, without: readonly number[]): Uint8Array {
  const below = without.filter((leafIndex) => isInSubtree(nodeOfLeaf(leafIndex), node));
  return below.length === 0 ? nodeHash(suite, tree, node) : computeHash(suite, tree, node, below);
}

/** TreeHashInput (section 7.8), hashed. */
function computeHash(suite: Hash, tree: RatchetTree, node: number, without: readonly number[]): Uint8Array {
  if (isLeaf(node)) {
    const leaf = without.includes(leafOfNode(node)) ? null : tree.leafAt(leafOfNode(node));
    return suite.hash(encode((writer) => writer.uint8(1).uint32(leafOfNode(node)).optional(leaf, writeLeafNode), null));
  }
  const parent = tree.parentAt(node);
  const value =
    parent === null || without.length === 0
      ? parent
      : { ...parent, unmergedLeaves: parent.unmergedLeaves.filter((leafIndex) => !without.includes(leafIndex)) };
  const leftHash = nodeHashWithout(suite, tree, left(node), without);
  const rightHash = nodeHashWithout(suite, tree, right(node), without);
  const input = encode((writer) => {
    writer.uint8(2).optional(value, writeParentNode).opaque(leftHash).opaque(rightHash);
  }, null);
  return suite.hash(input);
}
