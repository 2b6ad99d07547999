import { entriesApplied, snapshotApplied } from '../applied.ts';
import { startCampaign } from '../campaign.ts';
import { MessageType, type Message } from '../message.ts';
import { propose } from '../propose.ts';
import type { Raft } from '../raft.ts';
import { ignore, type Handler } from './handler.ts';
import { onVoteRequest } from './vote.ts';

/** The election timeout is over, or somebody wants an election. */
const onHup: Handler = (raft) => {
  startCampaign(raft, raft.config.preVote ? 'pre-election' : 'election');
};

/** The append thread has written something in the present term. */
const onStored = (raft: Raft, { index, logTerm, snapshot }: Message): void => {
  if (index !== 0) raft.log.stableTo({ term: logTerm, index });
  if (snapshot !== undefined) snapshotApplied(raft, snapshot);
};

const onApplied: Handler = (raft, { entries }) => entriesApplied(raft, entries);

const onProposal: Handler = (raft, message) =>
  propose(raft, message).kind === 'dropped' ? 'proposal-dropped' : 'stepped';

/** What every role handles alike. */
export const EVERY_ROLE = {
  [MessageType.hup]: onHup,
  [MessageType.vote]: onVoteRequest,
  [MessageType.preVote]: onVoteRequest,
  [MessageType.storageAppendResp]: onStored,
  [MessageType.storageApplyResp]: onApplied,
  [MessageType.prop]: onProposal,
  // These are for the storage threads.
  [MessageType.storageAppend]: ignore,
  [MessageType.storageApply]: ignore,
} as const;
