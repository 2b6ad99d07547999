import { HASH_BYTES } from '../hkdf.ts';
import { MLS_10 } from './cipher-suite.ts';
import { verify } from './error.ts';
import { checkKnownExtensions } from './extension.ts';
import { validateKeyPackage } from './key-package-validation.ts';
import { validateLeafNode } from './leaf-node-validation.ts';
import type { Extension } from './extension.ts';
import type { Sender } from './framed-content.ts';
import type { LeafNode } from './leaf-node.ts';
import type { Proposal, ProposalType } from './proposal.ts';
import type { PreSharedKeyId } from './psk.ts';
import type { PublicGroup, SourcedProposal } from './public-group.ts';
import type { ValidationContext } from './validation-context.ts';

/** What an external sender may propose (RFC 9420 section 12.1.8). */
const EXTERNAL_TYPES: ReadonlySet<ProposalType> = new Set([
  'add',
  'remove',
  'psk',
  'reinit',
  'group_context_extensions',
]);

/** Whether this kind of sender may make this kind of proposal at all. @throws MlsError (`bad_sender`) */
export function validateProposer({ type }: Sender, proposal: Proposal): void {
  if (type === 'external') {
    verify(EXTERNAL_TYPES.has(proposal.type), 'bad_sender', `External senders cannot propose ${proposal.type}.`);
  }
  if (type === 'new_member_proposal') {
    verify(proposal.type === 'add', 'bad_sender', 'A new member can only propose to be added.');
  }
}

/**
 * One proposal by itself (RFC 9420 section 12.1), in a group with these extensions.
 * @throws MlsError
 */
export function validateProposal(
  { proposal, sender }: SourcedProposal,
  group: PublicGroup,
  extensions: readonly Extension[],
  context: ValidationContext,
): void {
  validateProposer(sender, proposal);
  switch (proposal.type) {
    case 'add':
      return validateKeyPackage(proposal.keyPackage, extensions, context);
    case 'update':
      return validateUpdate(proposal.leafNode, { sender, group, extensions }, context);
    case 'remove':
      return verify(group.tree.leafAt(proposal.removed) !== null, 'bad_proposal_list', 'There is nobody to remove.');
    case 'psk':
      return validatePsk(proposal.psk);
    case 'reinit':
      return verify(proposal.version >= MLS_10, 'bad_proposal_list', 'A ReInit cannot go back to an older version.');
    case 'external_init': {
      const isUsable = context.suite.kem.isUsableEncapsulation(proposal.kemOutput);
      return verify(isUsable, 'bad_proposal_list', 'The ExternalInit is of no use to anybody.');
    }
    case 'group_context_extensions':
      return checkKnownExtensions(proposal.extensions);
  }
}

function validateUpdate(
  leafNode: LeafNode,
  from: { readonly sender: Sender; readonly group: PublicGroup; readonly extensions: readonly Extension[] },
  context: ValidationContext,
): void {
  const { sender, group, extensions } = from;
  verify(sender.type === 'member', 'bad_sender', 'Only a member can propose an update.');
  const { leafIndex } = sender;
  const place = { groupId: group.context.groupId, leafIndex };
  const replaces = group.tree.leafAt(leafIndex);
  verify(replaces !== null, 'bad_sender', 'The one to be updated is not a member.');
  validateLeafNode(leafNode, { place, source: 'update', extensions, replaces }, context);
}

function validatePsk(psk: PreSharedKeyId): void {
  verify(psk.nonce.length === HASH_BYTES, 'bad_proposal_list', 'The nonce of a pre-shared key has a wrong length.');
  const isPlain = psk.type === 'external' || psk.usage === 'application';
  verify(isPlain, 'bad_proposal_list', 'A resumption key for another group cannot be proposed.');
}
