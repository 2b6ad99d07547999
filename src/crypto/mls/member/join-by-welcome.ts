import { equalBytes } from '../../bytes.ts';
import { verify, MlsError } from '../error.ts';
import { EXTENSION_TYPES } from '../extension.ts';
import { hasValidGroupInfoSignature } from '../group-info.ts';
import { writeLeafNode } from '../leaf-node.ts';
import { publicGroupOf } from '../public-group.ts';
import { readRatchetTree } from '../ratchet-tree.ts';
import { decode } from '../tls-reader.ts';
import { encode } from '../tls-writer.ts';
import { commonAncestor, isInSubtree, nodeOfLeaf } from '../tree-math.ts';
import { validateTree } from '../tree-validation.ts';
import { resolvePsks } from './environment.ts';
import { newEpoch } from './epoch-state.ts';
import { confirmationTag, epochSecrets, welcomeSecret } from './key-schedule.ts';
import { pskSecret } from './psk-secret.ts';
import { assertKeysOfMember, assertKeysOfTree, derivePath, withPathKeys } from './tree-kem.ts';
import { openGroupInfo, openGroupSecrets } from './welcome-opening.ts';
import type { GroupInfo } from '../group-info.ts';
import type { LeafNode } from '../leaf-node.ts';
import type { RatchetTree } from '../ratchet-tree.ts';
import type { GroupSecrets, Welcome } from '../welcome.ts';
import type { ClientIdentity, KeyPackageBundle } from './client-identity.ts';
import type { MemberEnvironment } from './environment.ts';
import type { NewEpoch } from './epoch-state.ts';
import type { MemberSuite } from './primitives.ts';
import type { PathSecret, PrivateKeys } from './tree-kem.ts';

export interface WelcomeInput {
  readonly welcome: Welcome;
  /** The key packages that this client has not used up. */
  readonly keyPackages: readonly KeyPackageBundle[];
  readonly identity: ClientIdentity;
  /** Where the group info does not contain the tree. */
  readonly tree?: RatchetTree | null;
  /** Whether the client is in a group with this id already. */
  readonly isKnownGroup?: (groupId: Uint8Array) => boolean;
}

/** RFC 9420 section 12.4.3.1. @throws MlsError */
export function joinByWelcome(input: WelcomeInput, environment: MemberEnvironment): NewEpoch {
  const { suite } = environment;
  const { welcome, identity } = input;
  verify(welcome.cipherSuite === suite.id, 'bad_welcome', 'The welcome is of another cipher suite.');
  const bundle = findKeyPackage(welcome, input.keyPackages);
  const groupSecrets = openGroupSecrets(suite, welcome, bundle);
  const { joinerSecret } = groupSecrets;
  const joiner = { joinerSecret, pskSecret: pskSecret(suite, resolvePsks(environment, groupSecrets.psks)) };
  const info = openGroupInfo(suite, welcome, welcomeSecret(suite, joiner));
  const { groupContext: context, signer } = info;
  verify(context.cipherSuite === suite.id, 'bad_welcome', 'The group is of another cipher suite.');
  const isKnown = input.isKnownGroup?.(context.groupId) ?? false;
  verify(!isKnown, 'bad_welcome', 'The client is in a group with this id already.');
  validateResumption(groupSecrets, info);
  const tree = validatedTree(info, input.tree ?? null, environment);

  const ownLeaf = findLeaf(tree, bundle.keyPackage.leafNode);
  const path = pathOfJoiner(suite, tree, { ownLeaf, signer, pathSecret: groupSecrets.pathSecret });
  const leafKeys: PrivateKeys = new Map([[nodeOfLeaf(ownLeaf), bundle.encryptionKeyPair]]);
  const privateKeys = withPathKeys(leafKeys, tree, path);
  verify(privateKeys.has(nodeOfLeaf(ownLeaf)), 'bad_welcome', 'The key package has another private key.');
  assertKeysOfMember(tree, ownLeaf, privateKeys);
  const secrets = epochSecrets(suite, joiner, context);
  const tag = confirmationTag(suite, secrets, context.confirmedTranscriptHash);
  verify(equalBytes(tag, info.confirmationTag), 'bad_confirmation_tag', 'The confirmation tag is not valid.');
  const group = publicGroupOf(suite, { context, tree, confirmationTag: tag });
  return newEpoch({ group, identity, ownLeaf, privateKeys }, secrets);
}

function findKeyPackage(welcome: Welcome, keyPackages: readonly KeyPackageBundle[]): KeyPackageBundle {
  for (const bundle of keyPackages) {
    if (welcome.secrets.some(({ newMember }) => equalBytes(newMember, bundle.ref))) return bundle;
  }
  throw new MlsError('bad_welcome', 'The welcome is for none of the key packages.');
}

/** The tree of a group info, from its extension or from elsewhere, with the checks of section 12.4.3. */
export function validatedTree(info: GroupInfo, given: RatchetTree | null, environment: MemberEnvironment): RatchetTree {
  const extension = info.extensions.find(({ type }) => type === EXTENSION_TYPES.ratchetTree);
  const tree = extension === undefined ? given?.clone() : decode(readRatchetTree, extension.data);
  if (tree === undefined) throw new MlsError('bad_group_info', 'The ratchet tree is missing.');
  const signer = tree.leafAt(info.signer);
  verify(signer !== null, 'bad_group_info', 'The signer of the group info is not a member.');
  const isSigned = hasValidGroupInfoSignature(environment.suite, info, signer.signatureKey);
  verify(isSigned, 'bad_group_info', 'The signature of the group info is not valid.');
  validateTree(tree, info.groupContext, environment.validation);
  return tree;
}

/** A group that continues or branches off another one begins at epoch 1 and says so once. */
function validateResumption({ psks }: GroupSecrets, { groupContext }: GroupInfo): void {
  const links = psks.filter((psk) => psk.type === 'resumption' && psk.usage !== 'application');
  verify(links.length <= 1, 'bad_welcome', 'The welcome continues more than one group.');
  const isFirst = links.length === 0 || groupContext.epoch === 1n;
  verify(isFirst, 'bad_welcome', 'A group that continues another one is joined in its first epoch.');
}

function findLeaf(tree: RatchetTree, own: LeafNode): number {
  const encoded = encode(writeLeafNode, own);
  for (const [leafIndex, leaf] of tree.leaves()) {
    if (equalBytes(leaf.encryptionKey, own.encryptionKey) && equalBytes(encode(writeLeafNode, leaf), encoded)) {
      return leafIndex;
    }
  }
  throw new MlsError('bad_welcome', 'The key package is not in the tree.');
}

interface JoinerPath {
  readonly ownLeaf: number;
  readonly signer: number;
  readonly pathSecret: Uint8Array | null;
}

function pathOfJoiner(suite: MemberSuite, tree: RatchetTree, from: JoinerPath): readonly PathSecret[] {
  const { ownLeaf, signer, pathSecret } = from;
  if (pathSecret === null) return [];
  const ancestor = commonAncestor(ownLeaf, signer);
  const nodes = tree.filteredDirectPath(signer).map(({ node }) => node);
  const { secrets } = derivePath(
    suite,
    pathSecret,
    nodes.filter((node) => isInSubtree(ancestor, node)),
  );
  assertKeysOfTree(tree, secrets);
  return secrets;
}
