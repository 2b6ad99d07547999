import { equalBytes } from '../../bytes.ts';
import { HASH_BYTES } from '../../hkdf.ts';
import { generateKemKeyPair } from '../../kem.ts';
import { MlsError, verify } from '../error.ts';
import { writeGroupContext } from '../group-context.ts';
import { mergePathKeys } from '../parent-hash.ts';
import { encode } from '../tls-writer.ts';
import { directPath, isInSubtree, nodeOfLeaf } from '../tree-math.ts';
import { decryptWithLabel, deriveSecret, encryptWithLabel } from './labelled-crypto.ts';
import type { RandomBytes } from '../../random.ts';
import type { KemKeyPair } from '../../kem.ts';
import type { GroupContext } from '../group-context.ts';
import type { RatchetTree } from '../ratchet-tree.ts';
import type { UpdatePath, UpdatePathNode } from '../update-path.ts';
import type { MemberSuite } from './primitives.ts';

/** The private keys of a member, by node: of the own leaf, and of parents above it (RFC 9420 section 4.2). */
export type PrivateKeys = ReadonlyMap<number, KemKeyPair>;

export interface PathSecret {
  readonly node: number;
  readonly pathSecret: Uint8Array;
  readonly keyPair: KemKeyPair;
}

/** Sections 7.4 and 7.5: the secrets from this node up to the root. */
export interface DerivedPath {
  readonly secrets: readonly PathSecret[];
  readonly commitSecret: Uint8Array;
}

/** @param nodes of a filtered direct path, lowest first, the first one being that of `pathSecret` */
export function derivePath(suite: MemberSuite, pathSecret: Uint8Array, nodes: readonly number[]): DerivedPath {
  const secrets: PathSecret[] = [];
  let secret = pathSecret;
  for (const node of nodes) {
    const keyPair = suite.kem.deriveKeyPair(deriveSecret(suite, secret, 'node'));
    secrets.push({ node, pathSecret: secret, keyPair });
    secret = deriveSecret(suite, secret, 'path');
  }
  return { secrets, commitSecret: secret };
}

export interface FreshPath extends DerivedPath {
  readonly leafKeyPair: KemKeyPair;
  /** What the new leaf must carry. */
  readonly parentHash: Uint8Array;
}

/** Section 7.5, the committer's side. @param tree gets the new keys; the leaf itself is for the caller to sign and set */
export function createPath(suite: MemberSuite, tree: RatchetTree, leafIndex: number, random: RandomBytes): FreshPath {
  tree.blankDirectPath(leafIndex);
  const nodes = tree.filteredDirectPath(leafIndex).map(({ node }) => node);
  const derived = derivePath(suite, random(HASH_BYTES), nodes);
  const keys = derived.secrets.map(({ keyPair }) => keyPair.publicKey);
  const parentHash = mergePathKeys(suite, tree, leafIndex, keys);
  return { ...derived, leafKeyPair: generateKemKeyPair(suite.kem, random), parentHash };
}

/** Who gets path secrets, and with what context. */
export interface PathReceivers {
  /** With the path merged. */
  readonly tree: RatchetTree;
  readonly committer: number;
  /** Leaf indices of those added by the same commit: their secrets come in the Welcome. */
  readonly added: readonly number[];
  readonly provisionalContext: GroupContext;
}

/** Section 7.5: encrypts each path secret to those below the copath child. */
export function encryptPath(
  suite: MemberSuite,
  { secrets }: DerivedPath,
  receivers: PathReceivers,
  random: RandomBytes,
): UpdatePathNode[] {
  const labelled = pathLabel(receivers.provisionalContext);
  return receivers.tree.filteredDirectPath(receivers.committer).map(({ copathChild }, i) => {
    const { pathSecret, keyPair } = secrets[i]!;
    const encryptedPathSecrets = receiversOf(receivers, copathChild).map((node) => {
      const { encryptionKey } = receivers.tree.nodeAt(node)!;
      return encryptWithLabel(suite, encryptionKey, labelled, pathSecret, random);
    });
    return { encryptionKey: keyPair.publicKey, encryptedPathSecrets };
  });
}

/** Section 7.5, the receivers' side. @throws MlsError (`bad_path`) */
export function decryptPath(
  suite: MemberSuite,
  path: UpdatePath,
  receivers: PathReceivers,
  own: { readonly leafIndex: number; readonly privateKeys: PrivateKeys },
): DerivedPath {
  const steps = receivers.tree.filteredDirectPath(receivers.committer);
  const at = steps.findIndex(({ copathChild }) => isInSubtree(nodeOfLeaf(own.leafIndex), copathChild));
  verify(at >= 0, 'bad_path', 'The path has nothing for this member.');
  const nodes = receiversOf(receivers, steps[at]!.copathChild);
  const index = nodes.findIndex((node) => own.privateKeys.has(node));
  const ciphertext = path.nodes[at]?.encryptedPathSecrets[index];
  if (ciphertext === undefined) throw new MlsError('bad_path', 'The path has no ciphertext for this member.');
  const keyPair = own.privateKeys.get(nodes[index]!)!;
  const pathSecret = decryptWithLabel(suite, keyPair, pathLabel(receivers.provisionalContext), ciphertext);
  const isOpened = pathSecret !== null && pathSecret.length === HASH_BYTES;
  verify(isOpened, 'bad_path', 'The path secret does not decrypt.');
  const derived = derivePath(
    suite,
    pathSecret,
    steps.slice(at).map(({ node }) => node),
  );
  assertKeysOfTree(receivers.tree, derived.secrets);
  return derived;
}

/** Sections 7.5 and 12.4.3.1: the derived keys are those of the tree. @throws MlsError (`bad_path`) */
export function assertKeysOfTree(tree: RatchetTree, secrets: readonly PathSecret[]): void {
  for (const { node, keyPair } of secrets) {
    const expected = tree.parentAt(node)?.encryptionKey;
    const isSame = expected !== undefined && equalBytes(expected, keyPair.publicKey);
    verify(isSame, 'bad_path', 'A path secret does not give the key in the tree.');
  }
}

/**
 * Section 4.2, the tree invariant: a member has the private key of every parent above it that it is not unmerged at.
 * Who lacks one cannot read the next path, so a welcome that withholds it is found out at once.
 * @throws MlsError (`bad_welcome`)
 */
export function assertKeysOfMember(tree: RatchetTree, leafIndex: number, keys: PrivateKeys): void {
  for (const node of directPath(nodeOfLeaf(leafIndex), tree.leafCount)) {
    const parent = tree.parentAt(node);
    const isKnown = parent === null || parent.unmergedLeaves.includes(leafIndex) || keys.has(node);
    verify(isKnown, 'bad_welcome', `The welcome withholds the key of node ${node}.`);
  }
}

/** Section 7.5: new keys in, replaced and blanked ones out. */
export function withPathKeys(before: PrivateKeys, tree: RatchetTree, secrets: readonly PathSecret[]): PrivateKeys {
  const all = new Map(before);
  for (const { node, keyPair } of secrets) all.set(node, keyPair);
  return new Map(
    [...all].filter(([node, { publicKey }]) => {
      const current = tree.nodeAt(node);
      return current !== null && equalBytes(current.encryptionKey, publicKey);
    }),
  );
}

function receiversOf({ tree, added }: PathReceivers, copathChild: number): number[] {
  const fresh = new Set(added.map(nodeOfLeaf));
  return tree.resolution(copathChild).filter((node) => !fresh.has(node));
}

function pathLabel(provisionalContext: GroupContext): { readonly label: string; readonly context: Uint8Array } {
  return { label: 'UpdatePathNode', context: encode(writeGroupContext, provisionalContext) };
}
