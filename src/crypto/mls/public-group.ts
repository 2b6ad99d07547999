import { bytesToHex } from '@noble/hashes/utils.js';
import { verify } from './error.ts';
import { interimTranscriptHash } from './transcript-hash.ts';
import type { PublicSuite } from './cipher-suite.ts';
import type { Sender } from './framed-content.ts';
import type { GroupContext } from './group-context.ts';
import type { Proposal, ReInit } from './proposal.ts';
import type { RatchetTree } from './ratchet-tree.ts';

/** A proposal and who made it. */
export interface SourcedProposal {
  readonly proposal: Proposal;
  readonly sender: Sender;
}

/**
 * What everybody who follows a group knows of it: members and the observer alike. Immutable; the tree must not be
 * changed through it.
 */
export interface PublicGroup {
  readonly context: GroupContext;
  readonly tree: RatchetTree;
  readonly confirmationTag: Uint8Array;
  readonly interimTranscriptHash: Uint8Array;
  /** The proposals of this epoch that commits can refer to, by the hex of their reference. */
  readonly proposals: ReadonlyMap<string, SourcedProposal>;
  /** Set by a committed ReInit: nothing may be sent in this group any more (RFC 9420 section 12.4.2). */
  readonly reinit: ReInit | null;
}

export function publicGroupOf(
  suite: Pick<PublicSuite, 'hash'>,
  { context, tree, confirmationTag }: Pick<PublicGroup, 'context' | 'tree' | 'confirmationTag'>,
): PublicGroup {
  const interim = interimTranscriptHash(suite, context.confirmedTranscriptHash, confirmationTag);
  return { context, tree, confirmationTag, interimTranscriptHash: interim, proposals: new Map(), reinit: null };
}

/** How many proposals of an epoch can wait for a commit: a bound on memory, not of the protocol. */
const PROPOSALS_MAX = 1_024;

/**
 * The group with one more proposal that commits of this epoch can refer to.
 * @throws MlsError (`forbidden`) beyond `PROPOSALS_MAX`
 */
export function withProposal(group: PublicGroup, reference: Uint8Array, proposal: SourcedProposal): PublicGroup {
  const hasRoom = group.proposals.size < PROPOSALS_MAX || group.proposals.has(bytesToHex(reference));
  verify(hasRoom, 'forbidden', `More than ${PROPOSALS_MAX} proposals wait for a commit.`);
  return { ...group, proposals: new Map(group.proposals).set(bytesToHex(reference), proposal) };
}
