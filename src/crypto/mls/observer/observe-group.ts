import { verify } from '../error.ts';
import { hasValidGroupInfoSignature } from '../group-info.ts';
import { publicGroupOf } from '../public-group.ts';
import { validateTree } from '../tree-validation.ts';
import type { GroupInfo } from '../group-info.ts';
import type { PublicGroup } from '../public-group.ts';
import type { RatchetTree } from '../ratchet-tree.ts';
import type { ValidationContext } from '../validation-context.ts';

/** Begins to follow a group that somebody founded (RFC 9420 section 11): one member, epoch 0. @throws MlsError */
export function observeFounding(info: GroupInfo, tree: RatchetTree, context: ValidationContext): PublicGroup {
  const { groupContext, confirmationTag, signer } = info;
  verify(groupContext.cipherSuite === context.suite.id, 'wrong_group', 'The group is of another cipher suite.');
  const isFresh = groupContext.epoch === 0n && groupContext.confirmedTranscriptHash.length === 0;
  verify(isFresh && tree.memberCount === 1, 'bad_group_info', 'A founded group has one member and no history.');
  const founder = tree.leafAt(signer);
  verify(founder !== null, 'bad_group_info', 'The signer of the group info is not a member.');
  const isSigned = hasValidGroupInfoSignature(context.suite, info, founder.signatureKey);
  verify(isSigned, 'bad_group_info', 'The signature of the group info is not valid.');
  validateTree(tree, groupContext, context);
  return publicGroupOf(context.suite, { context: groupContext, tree, confirmationTag });
}
