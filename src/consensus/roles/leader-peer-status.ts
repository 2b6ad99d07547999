import type { Message } from '../message.ts';
import type { Progress } from '../progress/progress.ts';
import type { Raft } from '../raft.ts';
import { sendAppend } from '../replication.ts';
import { becomeFollower } from '../transitions.ts';
import { NO_PEER, ZERO_INDEX } from '../types.ts';
import { confirmReads } from './leader-read.ts';

/** What a leader learns about its peers beside their answers to appends. */

export const onHeartbeatResponse = (raft: Raft, message: Message, progress: Progress): void => {
  progress.recentActive = true;
  progress.appendsPaused = false;
  // Should the appends under way have been lost, this one is rejected and tells. A probe of a peer
  // that lacks nothing is answered too, which brings it back to replication.
  if (progress.match < raft.log.lastIndex() || progress.state === 'probe') sendAppend(raft, message.from);
  confirmReads(raft, message);
};

/** Sending a snapshot ended. Either way the next append waits for a sign of life. */
export const onSnapshotStatus = (raft: Raft, message: Message, progress: Progress): void => {
  if (progress.state !== 'snapshot') return;
  if (message.reject) {
    // The probe must not start behind a snapshot that never arrived.
    progress.pendingSnapshot = ZERO_INDEX;
    raft.config.onEvent({ kind: 'snapshot-failed', to: message.from });
  }
  progress.becomeProbe();
  progress.appendsPaused = true;
};

/** A message was lost, so appends that were sent ahead probably were too. */
export const onUnreachable = (_raft: Raft, _message: Message, progress: Progress): void => {
  if (progress.state === 'replicate') progress.becomeProbe();
};

/** A leader that no quorum answers must not go on: others may have elected another (6.2). */
export const checkQuorum = (raft: Raft): void => {
  if (!raft.tracker.quorumActive()) {
    raft.config.onEvent({ kind: 'quorum-lost', term: raft.term });
    becomeFollower(raft, raft.term, NO_PEER);
  }
  for (const id of raft.tracker.members) {
    if (id !== raft.id) raft.tracker.member(id).beginInterval();
  }
};
