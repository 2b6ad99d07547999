import { isConfChangeEntry } from './membership/conf-change-codec.ts';
import { MessageType } from './message.ts';
import type { CampaignKind, CampaignRefusal } from './events.ts';
import { allVoters } from './quorum/joint.ts';
import type { Raft } from './raft.ts';
import { becomeCandidate, becomePreCandidate } from './transitions.ts';
import { EMPTY_BYTES, plus, RaftRole, type PeerId, type Term } from './types.ts';

/** In a vote request: the old leader itself asked for this election, so nobody need protect it. */
export const TRANSFER_CONTEXT: Uint8Array = Uint8Array.of(1);

export const isTransferContext = (context: Uint8Array): boolean =>
  context.length === 1 && context[0] === TRANSFER_CONTEXT[0];

/** In a pre-vote request: the candidate has a hint that the leader is dead (`hint.ts`). */
const HINT_CONTEXT: Uint8Array = Uint8Array.of(2);

export const isHintContext = (context: Uint8Array): boolean => context.length === 1 && context[0] === HINT_CONTEXT[0];

const contextOf = ({ hint }: Raft, kind: CampaignKind): Uint8Array => {
  if (kind === 'transfer') return TRANSFER_CONTEXT;
  return kind === 'pre-election' && hint !== undefined ? HINT_CONTEXT : EMPTY_BYTES;
};

/** A committed membership change that is not applied yet: this peer does not know who may vote. */
const hasUnappliedConfChange = ({ log }: Raft): boolean =>
  log.some(plus(log.applied, 1), plus(log.committed, 1), isConfChangeEntry);

/** Why this peer may not stand for election now, or `undefined` when it may. */
export const campaignRefusal = (raft: Raft): CampaignRefusal | undefined => {
  if (raft.repair !== undefined) return 'repairing';
  if (raft.lacksState) return 'lacks-state';
  if (!raft.promotable) return 'not-promotable';
  return hasUnappliedConfChange(raft) ? 'unapplied-conf-change' : undefined;
};

/** Stands for election, if this peer may (paper 5.2). Returns whether it does. */
export const startCampaign = (raft: Raft, kind: CampaignKind): boolean => {
  if (raft.role === RaftRole.leader) return false;
  const { onEvent } = raft.config;
  const reason = campaignRefusal(raft);
  if (reason !== undefined) {
    onEvent({ kind: 'campaign-refused', term: raft.term, reason });
    return false;
  }
  onEvent({ kind: 'campaign-started', term: raft.term, campaign: kind });
  campaign(raft, kind);
  return true;
};

/** Becomes (pre-)candidate and asks all voters for their vote. */
export const campaign = (raft: Raft, kind: CampaignKind): void => {
  if (kind === 'pre-election') becomePreCandidate(raft);
  else becomeCandidate(raft);
  for (const voter of allVoters(raft.tracker.confState)) requestVote(raft, voter, kind);
};

/** The term a candidate asks for: a pre-candidate asks for the next one without entering it. */
const campaignTerm = (raft: Raft, kind: CampaignKind): Term =>
  kind === 'pre-election' ? ((raft.term + 1) as Term) : raft.term;

export const requestVote = (raft: Raft, voter: PeerId, kind: CampaignKind): void => {
  const pre = kind === 'pre-election';
  const term = campaignTerm(raft, kind);
  if (voter === raft.id) {
    // Its own vote counts once it is on disk, like everybody's.
    raft.send(pre ? MessageType.preVoteResp : MessageType.voteResp, voter, { term });
    return;
  }
  const last = raft.log.lastEntryId();
  raft.send(pre ? MessageType.preVote : MessageType.vote, voter, {
    term,
    index: last.index,
    logTerm: last.term,
    context: contextOf(raft, kind),
  });
};
