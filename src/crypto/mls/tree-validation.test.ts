import { describe, expect, it } from 'vitest';
import { STAMP } from '../../testing/mls/device.ts';
import { signLeaf } from '../../testing/mls/forge.ts';
import { addDevices, foundedBy } from '../../testing/mls/small-group.ts';
import { nodeRandom } from '../node-random.ts';
import { generateSealingKeyPair } from '../x25519.ts';
import { readRatchetTree, writeRatchetTree } from './ratchet-tree.ts';
import { decode } from './tls-reader.ts';
import { encode } from './tls-writer.ts';
import { treeHash } from './tree-hash.ts';
import { validateTree } from './tree-validation.ts';
import { ANY_APPLICATION } from './validation-context.ts';
import type { MlsDevice } from '../../testing/mls/device.ts';
import type { ParentNode } from './parent-node.ts';
import type { RatchetTree } from './ratchet-tree.ts';

/** Five members, each of whom has committed. */
const ann = foundedBy('ann');
const [bob, carl, dora] = addDevices(ann, ['bob', 'carl', 'dora', 'emil']) as [MlsDevice, MlsDevice, MlsDevice];
const { group } = ann.member;
const { suite } = ann.options;
const context = { suite, ...STAMP, application: ANY_APPLICATION };

/** The tree after a change, with a context that has its hash: only the change is wrong. */
function validated(change: (tree: RatchetTree) => void, rules = ANY_APPLICATION): void {
  const tree = group.tree.clone();
  change(tree);
  const changed = { ...group.context, treeHash: treeHash(suite, tree) };
  validateTree(tree, changed, { ...context, application: rules });
}

function changeParent(tree: RatchetTree, node: number, change: Partial<ParentNode>): void {
  tree.set(node, { ...tree.parentAt(node)!, ...change });
}

const badTree = (text: string): unknown =>
  expect.objectContaining({ code: 'bad_tree', message: expect.stringContaining(text) });
const badLeaf = (text: string): unknown =>
  expect.objectContaining({ code: 'bad_leaf_node', message: expect.stringContaining(text) });

describe('the tree that a joiner is given (RFC 9420 sections 7.3, 7.9, 12.4.3.1)', () => {
  it('is accepted as it is', () => {
    expect(() => validated(() => undefined)).not.toThrow();
  });

  it('is the one of the group context', () => {
    const other = { ...group.context, treeHash: nodeRandom(32) };
    expect(() => validateTree(group.tree, other, context)).toThrow(badTree('not the one of the group context'));
  });

  it('has parents that are covered by a chain of parent hashes', () => {
    const { publicKey: encryptionKey } = generateSealingKeyPair(nodeRandom);
    const { root } = group.tree;
    expect(() => validated((tree) => changeParent(tree, root, { encryptionKey }))).toThrow(badTree('parent hash'));
    expect(() => validated((tree) => changeParent(tree, root, { parentHash: nodeRandom(32) }))).toThrow(
      badTree('parent hash'),
    );
    expect(() => validated((tree) => changeParent(tree, 3, { parentHash: nodeRandom(32) }))).toThrow(
      badTree('parent hash'),
    );
  });

  it('has no parent that nobody below it can have made', () => {
    const { publicKey: encryptionKey } = generateSealingKeyPair(nodeRandom);
    const inserted = { encryptionKey, parentHash: new Uint8Array(32), unmergedLeaves: [] };
    const blank = [1, 3, 5, 9, 11, 13].find((node) => group.tree.parentAt(node) === null)!;
    expect(() => validated((tree) => tree.set(blank, inserted))).toThrow(badTree('parent hash'));
  });

  it('has unmerged leaves that are members below, and are listed in between', () => {
    const { root } = group.tree;
    expect(() => validated((tree) => changeParent(tree, root, { unmergedLeaves: [6] }))).toThrow(
      badTree('unmerged leaf'),
    );
    expect(() => validated((tree) => changeParent(tree, 3, { unmergedLeaves: [4] }))).toThrow(badTree('unmerged leaf'));
    expect(group.tree.parentAt(3)).not.toBeNull();
    expect(() => validated((tree) => changeParent(tree, root, { unmergedLeaves: [3] }))).toThrow(
      badTree('and not at node'),
    );
  });

  it('has every encryption key once, and only keys that something can be encrypted to', () => {
    const { encryptionKey } = group.tree.leafAt(1)!;
    expect(() => validated((tree) => changeParent(tree, tree.root, { encryptionKey }))).toThrow(badTree('twice'));
    const useless = new Uint8Array(32);
    expect(() => validated((tree) => changeParent(tree, tree.root, { encryptionKey: useless }))).toThrow(
      badTree('Nothing can be encrypted'),
    );
  });

  it('has leaves that are valid by themselves and together', () => {
    const relabel = (
      device: MlsDevice,
      change: Parameters<typeof signLeaf>[1] | object,
    ): ((tree: RatchetTree) => void) => {
      const leafIndex = device.member.ownLeaf;
      const place = { groupId: group.context.groupId, leafIndex };
      return (tree) => tree.setLeaf(leafIndex, signLeaf(device, { ...tree.leafAt(leafIndex)!, ...change }, place));
    };
    const none = { ...carl.identity.capabilities, credentials: [] };
    expect(() => validated(relabel(carl, { capabilities: none }))).toThrow(badLeaf('own credential'));
    expect(() => validated((tree) => tree.setLeaf(2, { ...tree.leafAt(2)!, signature: nodeRandom(64) }))).toThrow(
      badLeaf('signature of the leaf'),
    );
    const strangers = { ...ANY_APPLICATION, authenticate: () => false };
    expect(() => validated(() => undefined, strangers)).toThrow(badLeaf('credential is not valid'));
    const twice = { signatureKey: bob.identity.signingKey.publicKey };
    const asBob = (tree: RatchetTree): void => {
      const leafIndex = dora.member.ownLeaf;
      const place = { groupId: group.context.groupId, leafIndex };
      tree.setLeaf(leafIndex, signLeaf(bob, { ...tree.leafAt(leafIndex)!, ...twice }, place));
    };
    expect(() => validated(asBob)).toThrow(badTree('same signature key'));
    const onlyX509 = { ...carl.identity.capabilities, credentials: [1, 2] };
    const x509 = { credential: { type: 'x509', certificates: [] }, capabilities: onlyX509 } as const;
    expect(() => validated(relabel(carl, x509))).toThrow(badLeaf('credential'));
  });

  it('is encoded without blank nodes at its end, each node in its place', () => {
    const encoded = encode(writeRatchetTree, group.tree);
    expect(decode(readRatchetTree, encoded).leafCount).toBe(8);
    const withBlank = encode((writer) => {
      const inner = encoded.subarray(4 - (encoded[0]! >> 6 === 1 ? 2 : 0));
      writer.opaque(Uint8Array.of(...inner, 0));
    }, null);
    expect(() => decode(readRatchetTree, withBlank)).toThrow(badTree('last node'));
    const misplaced = encode((writer) => writer.opaque(Uint8Array.of(1, 2, 0, 0, 0)), null);
    expect(() => decode(readRatchetTree, misplaced)).toThrow(badTree('wrong type'));
  });
});
