import { hasValidContentSignature, proposalRef } from './authenticated-content.ts';
import { validateEpoch } from './commit-validation.ts';
import { MlsError, verify } from './error.ts';
import { externalSendersOf } from './extension.ts';
import { validateProposal } from './proposal-validation.ts';
import { withProposal } from './public-group.ts';
import type { AuthenticatedContent } from './authenticated-content.ts';
import type { Sender } from './framed-content.ts';
import type { Proposal } from './proposal.ts';
import type { PublicGroup } from './public-group.ts';
import type { ValidationContext } from './validation-context.ts';

/**
 * A proposal that came as a message of its own (RFC 9420 section 12.1): checked by itself, and kept for commits of
 * this epoch to refer to.
 * @throws MlsError
 */
export function acceptProposal(
  group: PublicGroup,
  message: AuthenticatedContent,
  context: ValidationContext,
): PublicGroup {
  const { content } = message;
  validateEpoch(group, content);
  if (content.content.type !== 'proposal') throw new MlsError('malformed', 'The message is not a proposal.');
  const { proposal } = content.content;
  const { sender } = content;
  const isPublic = sender.type === 'member' || message.wireFormat === 'public_message';
  verify(isPublic, 'bad_sender', 'Only members can send private messages.');
  const signatureKey = proposerKey(group, sender, proposal);
  const isSigned = hasValidContentSignature(context.suite, message, signatureKey, group.context);
  verify(isSigned, 'bad_signature', 'The signature of the proposal is not valid.');
  validateProposal({ proposal, sender }, group, group.context.extensions, context);
  return withProposal(group, proposalRef(context.suite, message), { proposal, sender });
}

/** Section 6.1. */
function proposerKey(group: PublicGroup, sender: Sender, proposal: Proposal): Uint8Array {
  if (sender.type === 'member') {
    const leaf = group.tree.leafAt(sender.leafIndex);
    verify(leaf !== null, 'bad_sender', 'The sender is not a member.');
    return leaf.signatureKey;
  }
  if (sender.type === 'external') {
    const known = externalSendersOf(group.context.extensions)[sender.senderIndex];
    verify(known !== undefined, 'bad_sender', 'The group knows no such external sender.');
    return known.signatureKey;
  }
  verify(sender.type === 'new_member_proposal', 'bad_sender', 'A new member who commits makes no proposals.');
  verify(proposal.type === 'add', 'bad_sender', 'A new member can only propose to be added.');
  return proposal.keyPackage.leafNode.signatureKey;
}
