import { restoreMembership } from '../membership/restore.ts';
import { MessageType, type Message } from '../message.ts';
import type { Raft } from '../raft.ts';
import { switchMembership } from '../switch-membership.ts';
import { isVoter } from '../quorum/joint.ts';
import type { Snapshot } from '../types.ts';

/**
 * The leader sends a snapshot in place of entries it no longer has (InstallSnapshot, Figure 13). Another peer may send
 * it on the leader's behalf: what it holds is committed, whoever sends it.
 */
export const onSnapshot = (raft: Raft, message: Message): void => {
  const { snapshot, from } = message;
  raft.hearLeader(from);
  const restored = snapshot !== undefined && restoreSnapshot(raft, snapshot);
  const index = restored ? raft.log.lastIndex() : raft.log.committed;
  raft.send(MessageType.appResp, from, { index });
};

/** Replaces log and membership by the snapshot's. False when there is nothing to gain or it is not for us. */
export const restoreSnapshot = (raft: Raft, snapshot: Snapshot): boolean => {
  const restored = restore(raft, snapshot);
  const { index, term } = snapshot.metadata;
  raft.config.onEvent({ kind: restored ? 'snapshot-restored' : 'snapshot-ignored', index, term });
  return restored;
};

const restore = (raft: Raft, snapshot: Snapshot): boolean => {
  const { index, term, confState } = snapshot.metadata;
  const { log, tracker } = raft;
  if (index <= log.committed) return false;
  if (!isVoter(confState, raft.id) && !confState.learners.includes(raft.id)) return false;
  if (log.matches({ term, index })) {
    // The log holds all that the snapshot covers: keep it, and know that it is committed.
    log.commitTo(index);
    return false;
  }
  log.restore(snapshot);
  raft.lacksState = false;
  switchMembership(raft, restoreMembership(confState, log.lastIndex(), tracker.limits));
  return true;
};
