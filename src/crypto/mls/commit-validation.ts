import { bytesToHex } from '@noble/hashes/utils.js';
import { AEAD_TAG_BYTES } from '../aead.ts';
import { equalBytes } from '../bytes.ts';
import { HASH_BYTES } from '../hkdf.ts';
import { hasValidContentSignature } from './authenticated-content.ts';
import { MlsError, verify } from './error.ts';
import { isKeyInTree, validateLeafNode, validateLeavesTogether } from './leaf-node-validation.ts';
import { mergePathKeys } from './parent-hash.ts';
import { applyProposalList, isPathRequired } from './proposal-list.ts';
import { publicGroupOf } from './public-group.ts';
import { confirmedTranscriptHash } from './transcript-hash.ts';
import { nodeOfLeaf } from './tree-math.ts';
import { treeHash } from './tree-hash.ts';
import { assertKnownRules } from './validation-context.ts';
import type { AppliedCommit, AppliedProposals } from './applied-commit.ts';
import type { AuthenticatedContent } from './authenticated-content.ts';
import type { Commit } from './commit.ts';
import type { FramedContent, Sender } from './framed-content.ts';
import type { LeafNode } from './leaf-node.ts';
import type { PublicGroup, SourcedProposal } from './public-group.ts';
import type { UpdatePath } from './update-path.ts';
import type { ValidationContext } from './validation-context.ts';

/**
 * THE validation of a commit: everything about it that can be checked without secrets (RFC 9420 sections 12.2 and
 * 12.4.2). Committers, members and the observer all come through here, so that they cannot disagree. Not checked,
 * because it takes secrets: membership tag, path secrets, confirmation tag, pre-shared keys.
 * @param group is left as it is
 * @throws MlsError
 */
export function validateCommit(
  group: PublicGroup,
  message: AuthenticatedContent,
  context: ValidationContext,
): AppliedCommit {
  assertKnownRules(context.rules);
  const { content, auth } = message;
  validateEpoch(group, content);
  if (content.content.type !== 'commit' || auth.confirmationTag === null) {
    throw new MlsError('malformed', 'The message is not a commit.');
  }
  verify(auth.confirmationTag.length === HASH_BYTES, 'malformed', 'The confirmation tag has a wrong length.');
  const { commit } = content.content;
  const { sender } = content;
  validateCommitter(group, message, commit, context);
  const proposals = resolveProposals(group, commit, sender);
  const applied = applyProposalList(group, proposals, sender, context);
  const isPathThere = commit.path !== null || !isPathRequired(proposals);
  verify(isPathThere, 'bad_path', 'A commit of these proposals must have a path.');
  const committer = sender.type === 'member' ? sender.leafIndex : applied.tree.takeBlankLeaf();
  if (commit.path !== null) applyPath(group, { path: commit.path, committer, sender, applied }, context);

  const provisionalContext = {
    ...group.context,
    epoch: group.context.epoch + 1n,
    treeHash: treeHash(context.suite, applied.tree),
    extensions: applied.extensions,
  };
  const confirmed = confirmedTranscriptHash(context.suite, group.interimTranscriptHash, message);
  const after = publicGroupOf(context.suite, {
    context: { ...provisionalContext, confirmedTranscriptHash: confirmed },
    tree: applied.tree,
    confirmationTag: auth.confirmationTag,
  });
  const { tree: _tree, extensions: _extensions, ...changes } = applied;
  const result: AppliedCommit = {
    ...changes,
    group: { before: group, after: { ...after, reinit: applied.reinit } },
    provisionalContext,
    committer,
    isExternal: sender.type === 'new_member_commit',
    proposals,
    path: commit.path,
  };
  context.application.checkCommit?.(result);
  return result;
}

/** The group and the epoch of a message are the current ones. @throws MlsError */
export function validateEpoch(
  { context, reinit }: PublicGroup,
  content: Pick<FramedContent, 'groupId' | 'epoch'>,
): void {
  verify(equalBytes(content.groupId, context.groupId), 'wrong_group', 'The message is of another group.');
  verify(content.epoch >= context.epoch, 'stale_epoch', `Epoch ${content.epoch} is over.`);
  verify(content.epoch === context.epoch, 'future_epoch', `Epoch ${content.epoch} has not begun.`);
  verify(reinit === null, 'bad_state', 'The group was closed by a ReInit.');
}

/** Section 6.1: who may commit, and the signature. */
function validateCommitter(
  group: PublicGroup,
  message: AuthenticatedContent,
  commit: Commit,
  { suite }: ValidationContext,
): void {
  const { sender } = message.content;
  const signatureKey = committerKey(group, sender, commit);
  if (sender.type === 'new_member_commit') {
    verify(message.wireFormat === 'public_message', 'bad_sender', 'A new member cannot send private messages.');
    const byValue = commit.proposals.every(({ type }) => type === 'proposal');
    verify(byValue, 'bad_proposal_list', 'An external commit cannot refer to proposals.');
  }
  const isSigned = hasValidContentSignature(suite, message, signatureKey, group.context);
  verify(isSigned, 'bad_signature', 'The signature of the commit is not valid.');
}

function committerKey(group: PublicGroup, sender: Sender, commit: Commit): Uint8Array {
  if (sender.type === 'member') {
    const leaf = group.tree.leafAt(sender.leafIndex);
    verify(leaf !== null, 'bad_sender', 'The sender is not a member.');
    return leaf.signatureKey;
  }
  verify(sender.type === 'new_member_commit', 'bad_sender', 'Only members and new members can commit.');
  verify(commit.path !== null, 'bad_path', 'An external commit must have a path.');
  return commit.path.leafNode.signatureKey;
}

function resolveProposals(group: PublicGroup, commit: Commit, committer: Sender): SourcedProposal[] {
  return commit.proposals.map((item) => {
    if (item.type === 'proposal') return { proposal: item.proposal, sender: committer };
    const known = group.proposals.get(bytesToHex(item.reference));
    verify(known !== undefined, 'unknown_proposal', 'The commit refers to a proposal that is not known here.');
    return known;
  });
}

interface PathChange {
  readonly path: UpdatePath;
  readonly committer: number;
  readonly sender: Sender;
  readonly applied: AppliedProposals;
}

/** Section 12.4.2, the path: validates it and merges it into the tree. */
function applyPath(group: PublicGroup, change: PathChange, context: ValidationContext): void {
  const { path, committer, applied } = change;
  const { tree } = applied;
  const { leafNode } = path;
  validateLeafNode(
    leafNode,
    {
      place: { groupId: group.context.groupId, leafIndex: committer },
      source: 'commit',
      extensions: applied.extensions,
      replaces: replacedLeaf(group, change),
    },
    context,
  );
  const keys = path.nodes.map(({ encryptionKey }) => encryptionKey);
  validatePathKeys(change, keys, context);
  const parentHash = mergePathKeys(context.suite, tree, committer, keys);
  const { source } = leafNode;
  const isChained = source.type === 'commit' && equalBytes(source.parentHash, parentHash);
  verify(isChained, 'bad_path', 'The parent hash of the new leaf is not that of the path.');
  tree.setLeaf(committer, leafNode);
  validateLeavesTogether(tree, [committer]);
  validateCiphertexts(change, context);
}

function replacedLeaf(group: PublicGroup, { sender, applied }: PathChange): LeafNode | null {
  if (sender.type === 'member') return group.tree.leafAt(sender.leafIndex);
  const [removed] = applied.removed;
  return removed === undefined ? null : group.tree.leafAt(removed);
}

/** Section 12.4.2: "none of the public keys in the UpdatePath appear in any node of the new ratchet tree". */
function validatePathKeys(
  { path, applied }: PathChange,
  keys: readonly Uint8Array[],
  { suite }: ValidationContext,
): void {
  const all = [path.leafNode.encryptionKey, ...keys];
  verify(new Set(all.map(bytesToHex)).size === all.length, 'bad_path', 'The path has a key twice.');
  for (const key of keys) {
    verify(suite.kem.isUsableKey(key), 'bad_path', 'Nothing can be encrypted to a key of the path.');
  }
  const isFresh = !all.some((key) => isKeyInTree(applied.tree, key));
  verify(isFresh, 'bad_path', 'A key of the path is in the tree already.');
}

/**
 * Section 7.6: one ciphertext per node of the copath child's resolution, new leaves left out. Their contents are for
 * the receivers to check, their form for everybody.
 */
function validateCiphertexts({ path, committer, applied }: PathChange, { suite }: ValidationContext): void {
  const fresh = new Set(applied.added.map(({ leafIndex }) => nodeOfLeaf(leafIndex)));
  const steps = applied.tree.filteredDirectPath(committer);
  for (const [i, { copathChild }] of steps.entries()) {
    const receivers = applied.tree.resolution(copathChild).filter((node) => !fresh.has(node));
    const isComplete = path.nodes[i]!.encryptedPathSecrets.length === receivers.length;
    verify(isComplete, 'bad_path', 'The path has not one ciphertext per node that must be told.');
    const isInForm = path.nodes[i]!.encryptedPathSecrets.every(
      ({ kemOutput, ciphertext }) =>
        suite.kem.isUsableEncapsulation(kemOutput) && ciphertext.length === HASH_BYTES + AEAD_TAG_BYTES,
    );
    verify(isInForm, 'bad_path', 'A ciphertext of the path has not the form of one.');
  }
}
