import { signFramedContent } from '../../crypto/mls/member/message-protection.ts';
import { createPath, encryptPath } from '../../crypto/mls/member/tree-kem.ts';
import { signWithLabel } from '../../crypto/mls/member/labelled-crypto.ts';
import { keyPackageTbs } from '../../crypto/mls/key-package.ts';
import { leafNodeTbs } from '../../crypto/mls/leaf-node.ts';
import { treeHash } from '../../crypto/mls/tree-hash.ts';
import type { AuthenticatedContent, HandshakeWireFormat } from '../../crypto/mls/authenticated-content.ts';
import type { Sender } from '../../crypto/mls/framed-content.ts';
import type { KeyPackage, UnsignedKeyPackage } from '../../crypto/mls/key-package.ts';
import type { LeafNode, LeafPlace, UnsignedLeafNode } from '../../crypto/mls/leaf-node.ts';
import type { Proposal } from '../../crypto/mls/proposal.ts';
import type { PublicGroup } from '../../crypto/mls/public-group.ts';
import type { RatchetTree } from '../../crypto/mls/ratchet-tree.ts';
import type { UpdatePath, UpdatePathNode } from '../../crypto/mls/update-path.ts';
import type { MlsDevice } from './device.ts';

/** Messages that are well signed and break one rule: what a malicious member can make. */

export function signLeaf(device: MlsDevice, leaf: UnsignedLeafNode, place: LeafPlace): LeafNode {
  const { signature: _old, ...unsigned } = leaf as LeafNode;
  const { suite } = device.options;
  const tbs = leafNodeTbs(unsigned, place);
  return { ...unsigned, signature: signWithLabel(suite, device.identity.signingKey.secretKey, 'LeafNodeTBS', tbs) };
}

/** A key package with changed fields, signed again: the leaf's signature and its own. */
export function forgeKeyPackage(
  device: MlsDevice,
  change: (keyPackage: UnsignedKeyPackage) => UnsignedKeyPackage = (unchanged) => unchanged,
  changeLeaf: (leaf: UnsignedLeafNode) => UnsignedLeafNode = (unchanged) => unchanged,
): KeyPackage {
  const { suite } = device.options;
  const { signature: _old, ...original } = device.createKeyPackage().keyPackage;
  const leafNode = signLeaf(device, changeLeaf(original.leafNode), { groupId: new Uint8Array(0), leafIndex: 0 });
  const unsigned = change({ ...original, leafNode });
  const { secretKey } = device.identity.signingKey;
  const signature = signWithLabel(suite, secretKey, 'KeyPackageTBS', keyPackageTbs(unsigned));
  return { ...unsigned, signature };
}

export interface PathChanges {
  readonly leaf?: (leaf: UnsignedLeafNode) => UnsignedLeafNode;
  /** Where the leaf is signed for; the committer's place by default. */
  readonly place?: Partial<LeafPlace>;
  readonly nodes?: (nodes: readonly UpdatePathNode[]) => readonly UpdatePathNode[];
}

/** A path in this tree, which the path of a commit without proposals is. */
export function forgePath(
  device: MlsDevice,
  group: PublicGroup,
  committer: number,
  changes: PathChanges = {},
  tree: RatchetTree = group.tree.clone(),
): UpdatePath {
  const { suite, random } = device.options;
  const fresh = createPath(suite, tree, committer, random);
  const { capabilities, credential, leafExtensions, signingKey } = device.identity;
  const unsigned: UnsignedLeafNode = {
    encryptionKey: fresh.leafKeyPair.publicKey,
    signatureKey: signingKey.publicKey,
    credential,
    capabilities,
    source: { type: 'commit', parentHash: fresh.parentHash },
    extensions: leafExtensions,
  };
  const place = { groupId: group.context.groupId, leafIndex: committer, ...changes.place };
  const leafNode = signLeaf(device, (changes.leaf ?? ((leaf) => leaf))(unsigned), place);
  tree.setLeaf(committer, leafNode);
  const provisionalContext = {
    ...group.context,
    epoch: group.context.epoch + 1n,
    treeHash: treeHash(suite, tree),
  };
  const nodes = encryptPath(suite, fresh, { tree, committer, added: [], provisionalContext }, random);
  return { leafNode, nodes: changes.nodes?.(nodes) ?? nodes };
}

export interface ForgedCommit {
  readonly proposals?: readonly Proposal[];
  readonly references?: readonly Uint8Array[];
  /** Of a commit without proposals, by default. */
  readonly path?: UpdatePath | null;
  readonly sender?: Sender;
  readonly epoch?: bigint;
  readonly groupId?: Uint8Array;
  readonly wireFormat?: HandshakeWireFormat;
}

/** Signed by the device; the confirmation tag is made up, since an observer cannot check it. */
export function forgeCommit(device: MlsDevice, group: PublicGroup, forged: ForgedCommit): AuthenticatedContent {
  const { context } = group;
  const leafIndex = device.group?.ownLeaf ?? 0;
  const path = forged.path === undefined ? forgePath(device, group, leafIndex) : forged.path;
  const proposals = [
    ...(forged.proposals ?? []).map((proposal) => ({ type: 'proposal', proposal }) as const),
    ...(forged.references ?? []).map((reference) => ({ type: 'reference', reference }) as const),
  ];
  const wireFormat = forged.wireFormat ?? 'public_message';
  const content = {
    groupId: forged.groupId ?? context.groupId,
    epoch: forged.epoch ?? context.epoch,
    sender: forged.sender ?? ({ type: 'member', leafIndex } as const),
    authenticatedData: new Uint8Array(0),
    content: { type: 'commit', commit: { proposals, path } } as const,
  };
  const { suite } = device.options;
  const { secretKey } = device.identity.signingKey;
  const signature = signFramedContent(suite, secretKey, { wireFormat, content, context });
  return { wireFormat, content, auth: { signature, confirmationTag: new Uint8Array(32) } };
}
