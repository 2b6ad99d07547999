import { bytesToHex as hex, hexToBytes as bytes } from '@noble/hashes/utils.js';
import { describe, expect, it } from 'vitest';
import { haveMlsVectors, mlsVectors } from '../../testing/mls/vectors.ts';
import { noblePublicSuite } from './cipher-suite.ts';
import { readProposal } from './proposal.ts';
import { readRatchetTree, writeRatchetTree } from './ratchet-tree.ts';
import { decode } from './tls-reader.ts';
import { encode } from './tls-writer.ts';
import { nodeHash, treeHash } from './tree-hash.ts';
import { nodeCount } from './tree-math.ts';
import { validateTree } from './tree-validation.ts';
import { ANY_APPLICATION } from './validation-context.ts';

describe.skipIf(!haveMlsVectors)('MLS vectors: ratchet trees', () => {
  it.each(mlsVectors('tree-operations'))('operations: $name', ({ vector }) => {
    const suite = noblePublicSuite(vector.cipher_suite);
    const tree = decode(readRatchetTree, bytes(vector.tree_before));
    expect(hex(treeHash(suite, tree))).toBe(vector.tree_hash_before);
    const proposal = decode(readProposal, bytes(vector.proposal));
    if (proposal.type === 'add') tree.add(proposal.keyPackage.leafNode);
    else if (proposal.type === 'update') tree.update(vector.proposal_sender, proposal.leafNode);
    else if (proposal.type === 'remove') tree.remove(proposal.removed);
    else throw new Error(proposal.type);
    tree.truncate();
    expect(hex(encode(writeRatchetTree, tree))).toBe(vector.tree_after);
    expect(hex(treeHash(suite, tree))).toBe(vector.tree_hash_after);
  });

  it.each(mlsVectors('tree-validation'))('validation: $name', ({ vector }) => {
    const suite = noblePublicSuite(vector.cipher_suite);
    const tree = decode(readRatchetTree, bytes(vector.tree));
    const nodes = Array.from({ length: nodeCount(tree.leafCount) }, (_, node) => node);
    expect(nodes.map((node) => tree.resolution(node))).toEqual(vector.resolutions);
    expect(nodes.map((node) => hex(nodeHash(suite, tree, node)))).toEqual(vector.tree_hashes);
    const context = {
      cipherSuite: vector.cipher_suite,
      groupId: bytes(vector.group_id),
      epoch: 1n,
      treeHash: treeHash(suite, tree),
      confirmedTranscriptHash: new Uint8Array(0),
      extensions: [],
    };
    validateTree(tree, context, { suite, nowSeconds: null, rules: 1, application: ANY_APPLICATION });
    const elsewhere = { ...context, groupId: bytes('00') };
    const hasBoundLeaf = [...tree.leaves()].some(([, { source }]) => source.type !== 'key_package');
    const validate = (): void =>
      validateTree(tree, elsewhere, { suite, nowSeconds: null, rules: 1, application: ANY_APPLICATION });
    if (hasBoundLeaf) expect(validate).toThrow('signature of the leaf');
    else validate();
  });
});
