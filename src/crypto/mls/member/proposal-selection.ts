import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js';
import type { PublicGroup, SourcedProposal } from '../public-group.ts';

export interface PendingProposal extends SourcedProposal {
  readonly reference: Uint8Array;
}

/**
 * Which proposals of others a commit covers: all that can stand together (RFC 9420 sections 12.2 and 12.4). A Remove
 * goes before an Update of the same leaf, the later before the earlier, anything before a ReInit; an Update or Remove
 * of the committer is for somebody else to commit.
 */
export function selectProposals(group: PublicGroup, committer: number): PendingProposal[] {
  const byTarget = new Map<string, PendingProposal>();
  for (const [reference, sourced] of group.proposals) {
    const target = targetOf(sourced, reference);
    const isRemoved = byTarget.get(target)?.proposal.type === 'remove';
    if (target === `leaf ${committer}` || isRemoved) continue;
    byTarget.set(target, { ...sourced, reference: hexToBytes(reference) });
  }
  const all = [...byTarget.values()];
  const others = all.filter(({ proposal }) => proposal.type !== 'reinit');
  return others.length > 0 ? others : all;
}

/** Two proposals of one target cannot be in one list. */
function targetOf({ proposal, sender }: SourcedProposal, reference: string): string {
  if (proposal.type === 'remove') return `leaf ${proposal.removed}`;
  if (proposal.type === 'update' && sender.type === 'member') return `leaf ${sender.leafIndex}`;
  if (proposal.type === 'add') return `client ${bytesToHex(proposal.keyPackage.leafNode.signatureKey)}`;
  const isAlone = proposal.type === 'reinit' || proposal.type === 'group_context_extensions';
  return isAlone ? proposal.type : `${proposal.type} ${reference}`;
}
