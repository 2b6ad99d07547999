import { bytesToHex } from '@noble/hashes/utils.js';
import { ofType } from './applied-commit.ts';
import { verify } from './error.ts';
import { validateGroupSupport, validateLeavesTogether } from './leaf-node-validation.ts';
import { validateProposal } from './proposal-validation.ts';
import { writePreSharedKeyId } from './psk.ts';
import { encode } from './tls-writer.ts';
import type { AppliedProposals } from './applied-commit.ts';
import type { Sender } from './framed-content.ts';
import type { ProposalType } from './proposal.ts';
import type { PublicGroup, SourcedProposal } from './public-group.ts';
import type { ValidationContext } from './validation-context.ts';

const PATH_REQUIRED: ReadonlySet<ProposalType> = new Set([
  'update',
  'remove',
  'external_init',
  'group_context_extensions',
]);
const IN_EXTERNAL_COMMITS: ReadonlySet<ProposalType> = new Set(['external_init', 'remove', 'psk']);

/** RFC 9420 section 12.4: whether a commit of these proposals must have a path. */
export function isPathRequired(proposals: readonly SourcedProposal[]): boolean {
  return proposals.length === 0 || proposals.some(({ proposal }) => PATH_REQUIRED.has(proposal.type));
}

/**
 * Proposal list validation (RFC 9420 section 12.2) and application (section 12.3); committers and receivers alike.
 * @throws MlsError
 */
export function applyProposalList(
  group: PublicGroup,
  proposals: readonly SourcedProposal[],
  committer: Sender,
  context: ValidationContext,
): AppliedProposals {
  validateSet(proposals);
  if (committer.type === 'new_member_commit') validateExternalSet(proposals);
  else if (committer.type === 'member') validateRegularSet(proposals, committer.leafIndex);
  const [contextExtensions] = ofType(proposals, 'group_context_extensions');
  const extensions = contextExtensions?.proposal.extensions ?? group.context.extensions;
  for (const proposal of proposals) validateProposal(proposal, group, extensions, context);
  const applied = apply(group, proposals, extensions);
  if (contextExtensions !== undefined) {
    for (const [, leaf] of applied.tree.leaves()) validateGroupSupport(leaf, extensions);
  }
  validateLeavesTogether(applied.tree, [...applied.updated, ...applied.added.map(({ leafIndex }) => leafIndex)]);
  return applied;
}

/** What holds for regular and external commits. */
function validateSet(proposals: readonly SourcedProposal[]): void {
  const leaves = [
    ...ofType(proposals, 'remove').map(({ proposal }) => proposal.removed),
    ...ofType(proposals, 'update').map(({ sender }) => (sender.type === 'member' ? sender.leafIndex : -1)),
  ];
  verify(new Set(leaves).size === leaves.length, 'bad_proposal_list', 'Two proposals change the same leaf.');
  const psks = ofType(proposals, 'psk').map(({ proposal }) => bytesToHex(encode(writePreSharedKeyId, proposal.psk)));
  verify(new Set(psks).size === psks.length, 'bad_proposal_list', 'A pre-shared key is proposed twice.');
}

/** For a commit by a member. */
function validateRegularSet(proposals: readonly SourcedProposal[], committer: number): void {
  const count = (type: ProposalType): number => ofType(proposals, type).length;
  verify(count('external_init') === 0, 'bad_proposal_list', 'ExternalInit is for external commits only.');
  verify(count('group_context_extensions') <= 1, 'bad_proposal_list', 'The extensions are replaced twice.');
  const isReInitAlone = count('reinit') === 0 || proposals.length === 1;
  verify(isReInitAlone, 'bad_proposal_list', 'A ReInit stands alone.');
  const removesSelf = ofType(proposals, 'remove').some(({ proposal }) => proposal.removed === committer);
  verify(!removesSelf, 'bad_proposal_list', 'A committer cannot remove itself.');
  const updatesSelf = ofType(proposals, 'update').some(
    ({ sender }) => sender.type === 'member' && sender.leafIndex === committer,
  );
  verify(!updatesSelf, 'bad_proposal_list', 'A committer updates itself by the path.');
}

/** For a commit by a new member. */
function validateExternalSet(proposals: readonly SourcedProposal[]): void {
  const inits = ofType(proposals, 'external_init').length;
  verify(inits === 1, 'bad_proposal_list', `An external commit has one ExternalInit, not ${inits}.`);
  const removes = ofType(proposals, 'remove').length;
  verify(removes <= 1, 'bad_proposal_list', 'An external commit removes at most one leaf.');
  for (const { proposal } of proposals) {
    const isAllowed = IN_EXTERNAL_COMMITS.has(proposal.type);
    verify(isAllowed, 'bad_proposal_list', `An external commit cannot contain ${proposal.type}.`);
  }
}

/** Section 12.3, in its order. */
function apply(
  group: PublicGroup,
  proposals: readonly SourcedProposal[],
  extensions: AppliedProposals['extensions'],
): AppliedProposals {
  const tree = group.tree.clone();
  const updates = ofType(proposals, 'update').flatMap(({ proposal, sender }) =>
    sender.type === 'member' ? [{ leafIndex: sender.leafIndex, leafNode: proposal.leafNode }] : [],
  );
  for (const { leafIndex, leafNode } of updates) tree.update(leafIndex, leafNode);
  const removed = ofType(proposals, 'remove').map(({ proposal }) => proposal.removed);
  for (const leafIndex of removed) tree.remove(leafIndex);
  tree.truncate();
  const added = ofType(proposals, 'add').map(({ proposal: { keyPackage } }) => {
    return { leafIndex: tree.add(keyPackage.leafNode), keyPackage };
  });
  return {
    tree,
    extensions,
    added,
    updated: updates.map(({ leafIndex }) => leafIndex),
    removed,
    psks: ofType(proposals, 'psk').map(({ proposal }) => proposal.psk),
    externalInit: ofType(proposals, 'external_init')[0]?.proposal.kemOutput ?? null,
    reinit: ofType(proposals, 'reinit')[0]?.proposal ?? null,
  };
}
