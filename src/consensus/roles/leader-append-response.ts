import { violation } from '../invariants.ts';
import type { Message } from '../message.ts';
import type { Progress } from '../progress/progress.ts';
import type { Raft } from '../raft.ts';
import { broadcastAppend, maybeCommit, maybeSendAppend, restartReplication, sendAppend } from '../replication.ts';
import { releaseEarlyReads } from './leader-read.ts';
import { sendTimeoutNow } from './leader-transfer.ts';

/** A peer (or this leader's own disk) answered an append (rules for leaders, Figure 2). */
export const onAppendResponse = (raft: Raft, message: Message, progress: Progress): void => {
  progress.recentActive = true;
  if (message.reject) onRejected(raft, message, progress);
  else onAccepted(raft, message, progress);
};

/**
 * The logs part before `message.index` (paper 5.3, the optimisation at its end). The peer hints where they may still agree: its last entry,
 * or, if that has a higher term than ours there, its last entry of a term we may have.
 *
 * The hint is narrowed down by our own terms: at an index where our term is higher than the peer's
 * term at the hint, the logs cannot agree, because within a log terms never fall. So probing takes at
 * most one round per term in our log, not one per entry.
 */
const onRejected = (raft: Raft, message: Message, progress: Progress): void => {
  const { from, index, rejectHint, logTerm } = message;
  raft.config.onEvent({ kind: 'append-rejected', from, index, hint: rejectHint });
  // A probe right behind what the peer has acknowledged fails only if the peer has lost that.
  if (progress.state === 'probe' && index === progress.match) {
    restartReplication(raft, from);
    return;
  }
  const next = logTerm > 0 ? raft.log.findConflictByTerm(rejectHint, logTerm).index : rejectHint;
  if (!progress.maybeDecrease(index, next)) return;
  if (progress.state === 'replicate') progress.becomeProbe();
  sendAppend(raft, from);
};

const onAccepted = (raft: Raft, message: Message, progress: Progress): void => {
  const { from, index } = message;
  const lastIndex = raft.log.lastIndex();
  if (index > lastIndex) throw violation(`${from} has entries up to ${index}, its leader only up to ${lastIndex}`);
  // An answer that says nothing new still ends probing: the peer is there, and known to match.
  const endsProbing = progress.state === 'probe' && progress.match === index;
  if (!progress.maybeUpdate(index) && !endsProbing) return;
  resumeReplication(raft, message, progress);

  if (maybeCommit(raft)) {
    releaseEarlyReads(raft);
    broadcastAppend(raft);
  } else if (from !== raft.id && progress.canRaiseCommit(raft.log.committed)) {
    sendAppend(raft, from);
  }
  if (from === raft.id) return;

  // The acknowledgement may have made room for more than one message.
  while (maybeSendAppend(raft, from, false));
  if (from === raft.transferee && progress.match === raft.log.lastIndex()) sendTimeoutNow(raft, from);
};

const resumeReplication = (raft: Raft, message: Message, progress: Progress): void => {
  if (progress.state === 'replicate') {
    progress.inflights.freeTo(message.index);
  } else if (progress.state === 'probe') {
    progress.becomeReplicate();
  } else if (progress.match + 1 >= raft.log.firstIndex()) {
    // Whichever snapshot it got, and from wherever: what counts is that our log continues it.
    progress.becomeProbe();
    progress.becomeReplicate();
  } else if (progress.match >= progress.pendingSnapshot) {
    // It got the snapshot, but meanwhile the log that continued it was compacted: it needs another.
    progress.becomeProbe();
  }
};
