import { bytesToHex as hex, hexToBytes as bytes } from '@noble/hashes/utils.js';
import { expect } from 'vitest';
import { nodeRandom } from '../../crypto/node-random.ts';
import { signingKeyPairOf } from '../../crypto/ed25519.ts';
import { hasValidGroupInfoSignature } from '../../crypto/mls/group-info.ts';
import { readMlsMessage } from '../../crypto/mls/mls-message.ts';
import { mergePathKeys } from '../../crypto/mls/parent-hash.ts';
import { readRatchetTree } from '../../crypto/mls/ratchet-tree.ts';
import { keyPackageRef } from '../../crypto/mls/key-package.ts';
import { decode } from '../../crypto/mls/tls-reader.ts';
import { treeHash } from '../../crypto/mls/tree-hash.ts';
import { nodeOfLeaf } from '../../crypto/mls/tree-math.ts';
import { readUpdatePath } from '../../crypto/mls/update-path.ts';
import { ANY_APPLICATION } from '../../crypto/mls/validation-context.ts';
import { createLeafNode } from '../../crypto/mls/member/client-identity.ts';
import { joinByWelcome } from '../../crypto/mls/member/join-by-welcome.ts';
import { confirmationTag, epochSecrets, welcomeSecret } from '../../crypto/mls/member/key-schedule.ts';
import { MemberGroup } from '../../crypto/mls/member/member-group.ts';
import { memberSuite } from '../../crypto/mls/member/primitives.ts';
import { pskSecret } from '../../crypto/mls/member/psk-secret.ts';
import { createPath, decryptPath, derivePath, encryptPath, withPathKeys } from '../../crypto/mls/member/tree-kem.ts';
import { openGroupInfo, openGroupSecrets } from '../../crypto/mls/member/welcome-opening.ts';
import type { MlsVectorTypes, PassiveClientVector, TreeKemVector, VectorChecks } from './vector-types.ts';
import type { MlsMessage } from '../../crypto/mls/mls-message.ts';
import type { RatchetTree } from '../../crypto/mls/ratchet-tree.ts';
import type { MlsPrimitives } from '../../crypto/mls/member/primitives.ts';
import type { MemberSuite } from '../../crypto/mls/member/primitives.ts';
import type { PrivateKeys } from '../../crypto/mls/member/tree-kem.ts';

const message = <F extends MlsMessage['format']>(encoded: string, format: F): Extract<MlsMessage, { format: F }> => {
  const read = decode(readMlsMessage, bytes(encoded));
  if (read.format !== format) throw new Error(`It is a ${read.format}.`);
  return read as Extract<MlsMessage, { format: F }>;
};

function privateKeysOf(suite: MemberSuite, vector: TreeKemVector, tree: RatchetTree): Map<number, PrivateKeys> {
  return new Map(
    vector.leaves_private.map((leaf) => {
      const { publicKey } = signingKeyPairOf(bytes(leaf.signature_priv));
      expect(publicKey).toEqual(tree.leafAt(leaf.index)!.signatureKey);
      const leafKey = suite.kem.keyPairOf(bytes(leaf.encryption_priv));
      const secrets = leaf.path_secrets.flatMap(
        ({ node, path_secret: secret }) => derivePath(suite, bytes(secret), [node]).secrets,
      );
      const keys = withPathKeys(new Map([[nodeOfLeaf(leaf.index), leafKey]]), tree, secrets);
      expect(keys.size).toBe(1 + leaf.path_secrets.length);
      return [leaf.index, keys];
    }),
  );
}

const STAMP = { nowSeconds: null, rules: 1 };

function join(vector: PassiveClientVector, primitives: MlsPrimitives): MemberGroup {
  const suite = memberSuite(vector.cipher_suite, primitives);
  const { message: keyPackage } = message(vector.key_package, 'key_package');
  const { credential, capabilities, extensions } = keyPackage.leafNode;
  const signingKey = signingKeyPairOf(bytes(vector.signature_priv));
  expect(hex(signingKey.publicKey)).toBe(hex(keyPackage.leafNode.signatureKey));
  const identity = { signingKey, credential, capabilities, leafExtensions: extensions };
  const bundle = {
    keyPackage,
    ref: keyPackageRef(suite, keyPackage),
    initKeyPair: suite.kem.keyPairOf(bytes(vector.init_priv)),
    encryptionKeyPair: suite.kem.keyPairOf(bytes(vector.encryption_priv)),
  };
  const psks = new Map(vector.external_psks.map(({ psk_id: id, psk }) => [id, bytes(psk)]));
  const findPsk: Parameters<typeof joinByWelcome>[1]['findPsk'] = (id) =>
    id.type === 'external' ? (psks.get(hex(id.id)) ?? null) : null;
  const { message: welcome } = message(vector.welcome, 'welcome');
  const tree = vector.ratchet_tree === null ? null : decode(readRatchetTree, bytes(vector.ratchet_tree));
  const application = ANY_APPLICATION;
  const environment = { suite, random: nodeRandom, validation: { suite, ...STAMP, application }, findPsk };
  const epoch = joinByWelcome({ welcome, keyPackages: [bundle], identity, tree }, environment);
  return MemberGroup.begin({ suite, random: nodeRandom, application, findPsk }, epoch);
}

function checkTreeKem(vector: TreeKemVector, primitives: MlsPrimitives): void {
  const suite = memberSuite(vector.cipher_suite, primitives);
  const before = decode(readRatchetTree, bytes(vector.ratchet_tree));
  const keys = privateKeysOf(suite, vector, before);
  const contextOf = (tree: RatchetTree): Parameters<typeof decryptPath>[2]['provisionalContext'] => ({
    cipherSuite: vector.cipher_suite,
    groupId: bytes(vector.group_id),
    epoch: BigInt(vector.epoch),
    treeHash: treeHash(suite, tree),
    confirmedTranscriptHash: bytes(vector.confirmed_transcript_hash),
    extensions: [],
  });
  for (const update of vector.update_paths) {
    const { sender: committer } = update;
    expect(update.path_secrets[committer]).toBeNull();
    const tree = before.clone();
    const path = decode(readUpdatePath, bytes(update.update_path));
    const encryptionKeys = path.nodes.map(({ encryptionKey }) => encryptionKey);
    const parentHash = mergePathKeys(suite, tree, committer, encryptionKeys);
    expect(path.leafNode.source).toEqual({ type: 'commit', parentHash });
    tree.setLeaf(committer, path.leafNode);
    expect(hex(treeHash(suite, tree))).toBe(update.tree_hash_after);
    const receivers = { tree, committer, added: [], provisionalContext: contextOf(tree) };
    for (const [leafIndex, privateKeys] of keys) {
      if (leafIndex === committer) continue;
      const opened = decryptPath(suite, path, receivers, { leafIndex, privateKeys });
      expect(hex(opened.secrets[0]!.pathSecret)).toBe(update.path_secrets[leafIndex]);
      expect(hex(opened.commitSecret)).toBe(update.commit_secret);
    }
    // And a path of our own, read by everybody else.
    const own = before.clone();
    const fresh = createPath(suite, own, committer, nodeRandom);
    const { signature_priv: seed } = vector.leaves_private.find(({ index }) => index === committer)!;
    const { credential, capabilities, extensions: leafExtensions } = path.leafNode;
    const leafNode = createLeafNode(
      suite,
      { signingKey: signingKeyPairOf(bytes(seed)), credential, capabilities, leafExtensions },
      { encryptionKey: fresh.leafKeyPair.publicKey, source: { type: 'commit', parentHash: fresh.parentHash } },
      { groupId: bytes(vector.group_id), leafIndex: committer },
    );
    own.setLeaf(committer, leafNode);
    const to = { tree: own, committer, added: [], provisionalContext: contextOf(own) };
    const nodes = encryptPath(suite, fresh, to, nodeRandom);
    for (const [leafIndex, privateKeys] of keys) {
      if (leafIndex === committer) continue;
      const opened = decryptPath(suite, { leafNode, nodes }, to, { leafIndex, privateKeys });
      expect(opened.commitSecret).toEqual(fresh.commitSecret);
    }
  }
}

function checkWelcome(vector: MlsVectorTypes['welcome'], primitives: MlsPrimitives): void {
  const suite = memberSuite(vector.cipher_suite, primitives);
  const { message: welcome } = message(vector.welcome, 'welcome');
  const { message: keyPackage } = message(vector.key_package, 'key_package');
  const initKeyPair = suite.kem.keyPairOf(bytes(vector.init_priv));
  const ref = keyPackageRef(suite, keyPackage);
  const groupSecrets = openGroupSecrets(suite, welcome, { keyPackage, ref, initKeyPair });
  const joiner = { joinerSecret: groupSecrets.joinerSecret, pskSecret: pskSecret(suite, []) };
  const info = openGroupInfo(suite, welcome, welcomeSecret(suite, joiner));
  expect(hasValidGroupInfoSignature(suite, info, bytes(vector.signer_pub))).toBe(true);
  const { groupContext } = info;
  const secrets = epochSecrets(suite, joiner, groupContext);
  const tag = confirmationTag(suite, secrets, groupContext.confirmedTranscriptHash);
  expect(tag).toEqual(info.confirmationTag);
}

function checkPassiveClient(vector: PassiveClientVector, primitives: MlsPrimitives): void {
  const group = join(vector, primitives);
  expect(hex(group.epochAuthenticator)).toBe(vector.initial_epoch_authenticator);
  for (const epoch of vector.epochs) {
    for (const proposal of epoch.proposals) group.process(decode(readMlsMessage, bytes(proposal)), STAMP);
    group.process(decode(readMlsMessage, bytes(epoch.commit)), STAMP);
    expect(hex(group.epochAuthenticator)).toBe(epoch.epoch_authenticator);
  }
}

/** What the vectors of groups say; a check throws where it is not so. */
export const GROUP_VECTOR_CHECKS = {
  treekem: checkTreeKem,
  welcome: checkWelcome,
  'passive-client': checkPassiveClient,
} as const satisfies VectorChecks;
