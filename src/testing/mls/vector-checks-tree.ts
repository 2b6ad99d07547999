import { bytesToHex as hex, hexToBytes as bytes } from '@noble/hashes/utils.js';
import { expect } from 'vitest';
import { noblePublicSuite } from '../../crypto/mls/cipher-suite.ts';
import { readCommit, writeCommit } from '../../crypto/mls/commit.ts';
import { MlsError } from '../../crypto/mls/error.ts';
import { readMlsMessage, writeMlsMessage } from '../../crypto/mls/mls-message.ts';
import { readProposal, writeProposal } from '../../crypto/mls/proposal.ts';
import { readRatchetTree, writeRatchetTree } from '../../crypto/mls/ratchet-tree.ts';
import { decode, TlsReader } from '../../crypto/mls/tls-reader.ts';
import { encode } from '../../crypto/mls/tls-writer.ts';
import { nodeHash, treeHash } from '../../crypto/mls/tree-hash.ts';
import { left, nodeCount, parent, right, root, sibling } from '../../crypto/mls/tree-math.ts';
import { validateTree } from '../../crypto/mls/tree-validation.ts';
import { ANY_APPLICATION } from '../../crypto/mls/validation-context.ts';
import { readGroupSecrets, writeGroupSecrets } from '../../crypto/mls/welcome.ts';
import type { MlsVectorTypes, VectorChecks } from './vector-types.ts';

const orNull = (compute: () => number): number | null => {
  try {
    return compute();
  } catch (error) {
    if (error instanceof MlsError) return null;
    throw error;
  }
};

function checkTreeMath(vector: MlsVectorTypes['tree-math']): void {
  const leaves = vector.n_leaves;
  const nodes = Array.from({ length: nodeCount(leaves) }, (_, node) => node);
  expect({
    n_nodes: nodes.length,
    root: root(leaves),
    left: nodes.map((node) => orNull(() => left(node))),
    right: nodes.map((node) => orNull(() => right(node))),
    parent: nodes.map((node) => orNull(() => parent(node, leaves))),
    sibling: nodes.map((node) => orNull(() => sibling(node, leaves))),
  }).toEqual({
    n_nodes: vector.n_nodes,
    root: vector.root,
    left: vector.left,
    right: vector.right,
    parent: vector.parent,
    sibling: vector.sibling,
  });
}

function checkTreeOperations(vector: MlsVectorTypes['tree-operations']): void {
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
}

function checkTreeValidation(vector: MlsVectorTypes['tree-validation']): void {
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
}

function checkLengthHeader(vector: MlsVectorTypes['deserialization']): void {
  expect(new TlsReader(bytes(vector.vlbytes_header)).vectorLength()).toBe(vector.length);
}

const asMessage = (bytes: Uint8Array): Uint8Array => encode(writeMlsMessage, decode(readMlsMessage, bytes));
const asProposal =
  (type: number) =>
  (bytes: Uint8Array): Uint8Array => {
    const whole = Uint8Array.of(0, type, ...bytes);
    return encode(writeProposal, decode(readProposal, whole)).subarray(2);
  };
const codecs: Readonly<Record<string, (bytes: Uint8Array) => Uint8Array>> = {
  mls_welcome: asMessage,
  mls_group_info: asMessage,
  mls_key_package: asMessage,
  public_message_application: asMessage,
  public_message_proposal: asMessage,
  public_message_commit: asMessage,
  private_message: asMessage,
  ratchet_tree: (bytes) => encode(writeRatchetTree, decode(readRatchetTree, bytes)),
  group_secrets: (bytes) => encode(writeGroupSecrets, decode(readGroupSecrets, bytes)),
  commit: (bytes) => encode(writeCommit, decode(readCommit, bytes)),
  add_proposal: asProposal(1),
  update_proposal: asProposal(2),
  remove_proposal: asProposal(3),
  pre_shared_key_proposal: asProposal(4),
  re_init_proposal: asProposal(5),
  external_init_proposal: asProposal(6),
  group_context_extensions_proposal: asProposal(7),
};
function checkMessages(vector: MlsVectorTypes['messages']): void {
  for (const [field, encoded] of Object.entries(vector)) {
    expect(`${field} ${hex(codecs[field]!(bytes(encoded)))}`).toBe(`${field} ${encoded}`);
  }
}

/** What the vectors of encodings and trees say; a check throws where it is not so. */
export const TREE_VECTOR_CHECKS = {
  'tree-math': checkTreeMath,
  deserialization: checkLengthHeader,
  messages: checkMessages,
  'tree-operations': checkTreeOperations,
  'tree-validation': checkTreeValidation,
} as const satisfies VectorChecks;
