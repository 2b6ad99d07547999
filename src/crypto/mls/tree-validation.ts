import { bytesToHex } from '@noble/hashes/utils.js';
import { equalBytes } from '../bytes.ts';
import { verify } from './error.ts';
import { validateLeafNode, validateLeavesTogether } from './leaf-node-validation.ts';
import { isParentHashValid } from './parent-hash.ts';
import { treeHash } from './tree-hash.ts';
import { isInSubtree, isLeaf, nodeCount, nodeOfLeaf, parent } from './tree-math.ts';
import type { GroupContext } from './group-context.ts';
import type { RatchetTree } from './ratchet-tree.ts';
import type { ValidationContext } from './validation-context.ts';

/** What a joiner checks of the tree it is given (RFC 9420 section 12.4.3.1). @throws MlsError */
export function validateTree(tree: RatchetTree, group: GroupContext, context: ValidationContext): void {
  const isSame = equalBytes(treeHash(context.suite, tree), group.treeHash);
  verify(isSame, 'bad_tree', 'The tree is not the one of the group context.');
  validateEncryptionKeys(tree);
  for (const [leafIndex, leaf] of tree.leaves()) {
    const place = { groupId: group.groupId, leafIndex };
    validateLeafNode(leaf, { place, source: null, extensions: group.extensions }, context);
  }
  validateMembers(tree);
  for (let node = 1; node < nodeCount(tree.leafCount); node += 2) {
    if (tree.parentAt(node) !== null) validateParent(tree, node, context);
  }
}

function validateParent(tree: RatchetTree, node: number, { suite }: ValidationContext): void {
  const { encryptionKey, unmergedLeaves } = tree.parentAt(node)!;
  verify(suite.kem.isUsableKey(encryptionKey), 'bad_tree', `Nothing can be encrypted to node ${node}.`);
  for (const leafIndex of unmergedLeaves) {
    const leafNode = nodeOfLeaf(leafIndex);
    const isBelow = isInSubtree(leafNode, node) && tree.leafAt(leafIndex) !== null;
    verify(isBelow, 'bad_tree', `An unmerged leaf of node ${node} is not a member below it.`);
    for (let at = parent(leafNode, tree.leafCount); at !== node; at = parent(at, tree.leafCount)) {
      const between = tree.parentAt(at);
      const isListed = between === null || between.unmergedLeaves.includes(leafIndex);
      verify(isListed, 'bad_tree', `A leaf is unmerged at node ${node} and not at node ${at}, below it.`);
    }
  }
  verify(isParentHashValid(suite, tree, node), 'bad_tree', `The parent hash at node ${node} is not valid.`);
}

function validateEncryptionKeys(tree: RatchetTree): void {
  const keys = new Set<string>();
  for (let node = 0; node < nodeCount(tree.leafCount); node++) {
    const value = tree.nodeAt(node);
    if (value === null) continue;
    const key = bytesToHex(value.encryptionKey);
    const kind = isLeaf(node) ? 'leaf' : 'parent';
    verify(!keys.has(key), 'bad_tree', `The encryption key of the ${kind} ${node} is in the tree twice.`);
    keys.add(key);
  }
}

/** Signature keys in a set first: comparing every leaf with every other would cost O(n²) here. */
function validateMembers(tree: RatchetTree): void {
  const leaves = [...tree.leaves()];
  const keys = new Set(leaves.map(([, leaf]) => bytesToHex(leaf.signatureKey)));
  verify(keys.size === leaves.length, 'bad_tree', 'Two members have the same signature key.');
  const first = new Map(leaves.map(([leafIndex, leaf]) => [leaf.credential.type, leafIndex]));
  validateLeavesTogether(tree, [...first.values()]);
}
