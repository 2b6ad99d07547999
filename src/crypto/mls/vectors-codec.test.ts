import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js';
import { describe, expect, it } from 'vitest';
import { haveMlsVectors, mlsVectorKinds, mlsVectors } from '../../testing/mls/vectors.ts';
import { readAuthenticatedContent, writeAuthenticatedContent } from './authenticated-content.ts';
import { readCommit, writeCommit } from './commit.ts';
import { MlsError } from './error.ts';
import { readMlsMessage, writeMlsMessage } from './mls-message.ts';
import { readProposal, writeProposal } from './proposal.ts';
import { readRatchetTree, writeRatchetTree } from './ratchet-tree.ts';
import { decode, TlsReader } from './tls-reader.ts';
import { encode } from './tls-writer.ts';
import { left, nodeCount, parent, right, root, sibling } from './tree-math.ts';
import { readGroupSecrets, writeGroupSecrets } from './welcome.ts';

const orNull = (compute: () => number): number | null => {
  try {
    return compute();
  } catch (error) {
    if (error instanceof MlsError) return null;
    throw error;
  }
};

describe.skipIf(!haveMlsVectors)('MLS vectors: encoding', () => {
  it('are there of every kind', () => {
    expect(mlsVectorKinds.filter((kind) => mlsVectors(kind).length === 0)).toEqual([]);
  });

  it.each(mlsVectors('tree-math'))('tree math: $name', ({ vector }) => {
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
  });

  it('length headers', () => {
    const vectors = mlsVectors('deserialization');
    const lengths = vectors.map(({ vector }) => new TlsReader(hexToBytes(vector.vlbytes_header)).vectorLength());
    expect(lengths).toEqual(vectors.map(({ vector }) => vector.length));
  });

  it('messages', () => {
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
    const failing: string[] = [];
    for (const { name, vector } of mlsVectors('messages')) {
      for (const [field, hex] of Object.entries(vector)) {
        if (bytesToHex(codecs[field]!(hexToBytes(hex))) !== hex) failing.push(`${name} ${field}`);
      }
    }
    expect(failing).toEqual([]);
  });

  it('authenticated content', () => {
    const vectors = mlsVectors('transcript-hashes');
    for (const { vector } of vectors) {
      const content = decode(readAuthenticatedContent, hexToBytes(vector['authenticated_content']!));
      expect(bytesToHex(encode(writeAuthenticatedContent, content))).toBe(vector['authenticated_content']!);
    }
  });
});
