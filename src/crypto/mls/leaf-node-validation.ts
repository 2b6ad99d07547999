import { equalBytes } from '../bytes.ts';
import { MLS_10 } from './cipher-suite.ts';
import { CREDENTIAL_TYPES } from './credential.ts';
import { verify } from './error.ts';
import { isDefaultExtension, requiredCapabilitiesOf } from './extension.ts';
import { hasValidLeafSignature } from './leaf-node.ts';
import { PROPOSAL_TYPES } from './proposal.ts';
import { nodeCount, nodeOfLeaf } from './tree-math.ts';
import type { Extension } from './extension.ts';
import type { LeafNode, LeafNodeSource, LeafPlace } from './leaf-node.ts';
import type { RatchetTree } from './ratchet-tree.ts';
import type { ValidationContext } from './validation-context.ts';

const DEFAULT_PROPOSALS: readonly number[] = Object.values(PROPOSAL_TYPES);

export interface LeafExpectation {
  readonly place: LeafPlace;
  /** Null in a tree, where leaves of every source are. */
  readonly source: LeafNodeSource['type'] | null;
  /** Of the group's context. */
  readonly extensions: readonly Extension[];
  /** The leaf that this one replaces. */
  readonly replaces?: LeafNode | null;
  /** Whether the signature was checked before. */
  readonly isSignatureKnown?: boolean;
  /** Whether the lifetime must include the stamp; not for leaves that have long been in a tree. */
  readonly checkLifetime?: boolean;
}

/** What one leaf must fulfil by itself (RFC 9420 section 7.3). @throws MlsError (`bad_leaf_node`) */
export function validateLeafNode(leaf: LeafNode, expected: LeafExpectation, context: ValidationContext): void {
  const { credential, signatureKey } = leaf;
  const isAuthentic = context.application.authenticate({ credential, signatureKey });
  verify(isAuthentic, 'bad_leaf_node', 'The credential is not valid.');
  const isSigned = expected.isSignatureKnown === true || hasValidLeafSignature(context.suite, leaf, expected.place);
  verify(isSigned, 'bad_leaf_node', 'The signature of the leaf is not valid.');
  const isUsable = context.suite.kem.isUsableKey(leaf.encryptionKey);
  verify(isUsable, 'bad_leaf_node', 'Nothing can be encrypted to the leaf.');
  const hasSource = expected.source === null || leaf.source.type === expected.source;
  verify(hasSource, 'bad_leaf_node', `The leaf's source is ${leaf.source.type}, not ${expected.source}.`);
  validateOwnCapabilities(leaf, context.suite.id);
  validateGroupSupport(leaf, expected.extensions);
  if (expected.checkLifetime === true) validateLifetime(leaf, context);
  if (expected.replaces) validateReplacement(expected.replaces, leaf, context);
}

function validateOwnCapabilities({ capabilities, credential, extensions }: LeafNode, suite: number): void {
  verify(capabilities.versions.includes(MLS_10), 'bad_leaf_node', 'The leaf does not support MLS 1.0.');
  verify(capabilities.cipherSuites.includes(suite), 'bad_leaf_node', 'The leaf does not support the cipher suite.');
  const hasCredential = capabilities.credentials.includes(CREDENTIAL_TYPES[credential.type]);
  verify(hasCredential, 'bad_leaf_node', 'The leaf does not support its own credential.');
  for (const { type } of extensions) {
    const isSupported = isDefaultExtension(type) || capabilities.extensions.includes(type);
    verify(isSupported, 'bad_leaf_node', `The leaf has the extension ${type} without supporting it.`);
  }
}

/** Sections 7.3, 11.1 and 13.4: what the group asks of every member. */
export function validateGroupSupport({ capabilities }: LeafNode, groupExtensions: readonly Extension[]): void {
  for (const { type } of groupExtensions) {
    const isSupported = isDefaultExtension(type) || capabilities.extensions.includes(type);
    verify(isSupported, 'bad_leaf_node', `The leaf does not support the group's extension ${type}.`);
  }
  const required = requiredCapabilitiesOf(groupExtensions);
  if (required === null) return;
  const isSupported =
    required.extensions.every((type) => isDefaultExtension(type) || capabilities.extensions.includes(type)) &&
    required.proposals.every((type) => DEFAULT_PROPOSALS.includes(type) || capabilities.proposals.includes(type)) &&
    required.credentials.every((type) => capabilities.credentials.includes(type));
  verify(isSupported, 'bad_leaf_node', 'The leaf lacks capabilities that the group requires.');
}

function validateLifetime({ source }: LeafNode, { nowSeconds, application }: ValidationContext): void {
  if (source.type !== 'key_package' || nowSeconds === null) return;
  const { notBefore, notAfter } = source.lifetime;
  const isCurrent = notBefore <= nowSeconds && nowSeconds <= notAfter;
  verify(isCurrent, 'bad_leaf_node', 'The lifetime of the leaf does not include now.');
  const isShort = notAfter - notBefore <= application.lifetimeSecondsMax;
  verify(isShort, 'bad_leaf_node', 'The lifetime of the leaf is too long.');
}

function validateReplacement(before: LeafNode, after: LeafNode, { application }: ValidationContext): void {
  const isFresh = !equalBytes(before.encryptionKey, after.encryptionKey);
  verify(isFresh, 'bad_leaf_node', 'The leaf keeps its encryption key.');
  const isSuccessor = application.mayReplace(before, after);
  verify(isSuccessor, 'bad_leaf_node', 'The leaf is of another client than the one it replaces.');
}

/**
 * What leaves must fulfil together (section 7.3): unique keys, and credentials that everybody understands. The
 * encryption key of a new leaf is compared with parents too, since a joiner refuses a tree that has a key twice
 * (section 12.4.3.1): otherwise one member could keep everybody else's invitations from working.
 * @param changed the leaves that were not there before; the others are known to be fine together
 */
export function validateLeavesTogether(tree: RatchetTree, changed: readonly number[]): void {
  const types = new Map<number, number>();
  for (const [, leaf] of tree.leaves()) {
    const type = CREDENTIAL_TYPES[leaf.credential.type];
    types.set(type, (types.get(type) ?? 0) + 1);
  }
  for (const leafIndex of changed) {
    const leaf = tree.leafAt(leafIndex)!;
    for (const type of types.keys()) {
      const isUnderstood = leaf.capabilities.credentials.includes(type);
      verify(isUnderstood, 'bad_leaf_node', `The leaf does not support credentials of type ${type}, which are in use.`);
    }
    const type = CREDENTIAL_TYPES[leaf.credential.type];
    for (const [other, { capabilities, signatureKey }] of tree.leaves()) {
      verify(capabilities.credentials.includes(type), 'bad_leaf_node', 'A member does not support the credential.');
      const isUnique = other === leafIndex || !equalBytes(signatureKey, leaf.signatureKey);
      verify(isUnique, 'bad_leaf_node', 'Two members have the same signature key.');
    }
    const isUnique = !isKeyInTree(tree, leaf.encryptionKey, nodeOfLeaf(leafIndex));
    verify(isUnique, 'bad_leaf_node', 'The encryption key of the leaf is in the tree twice.');
  }
}

/** Whether a node other than `except` has this encryption key. */
export function isKeyInTree(tree: RatchetTree, encryptionKey: Uint8Array, except = -1): boolean {
  const count = nodeCount(tree.leafCount);
  for (let node = 0; node < count; node++) {
    if (node === except) continue;
    const value = tree.nodeAt(node);
    if (value !== null && equalBytes(value.encryptionKey, encryptionKey)) return true;
  }
  return false;
}
