import { violation } from './invariants.ts';
import { payloadBytes } from './log/entry-bytes.ts';
import { SNAPSHOT_TEMPORARILY_UNAVAILABLE } from './log-storage.ts';
import { MessageType } from './message.ts';
import type { Progress } from './progress/progress.ts';
import type { Raft } from './raft.ts';
import { answerConfirmedReads } from './roles/leader-read.ts';
import { minIndex, plus, RaftRole, type Entry, type PeerId } from './types.ts';

/** How a leader brings its log to the others (paper 5.3; pipelining, dissertation 10.2.2). */

const NO_ENTRIES: readonly Entry[] = [];

/**
 * Sends `to` the entries it needs next, or a snapshot when they were compacted. Without entries to
 * send, an append goes out only if `evenEmpty`: it carries the commit index and probes. Returns
 * whether anything was sent.
 */
export const maybeSendAppend = (raft: Raft, to: PeerId, evenEmpty: boolean): boolean => {
  const progress = raft.tracker.member(to);
  if (progress.paused) return false;
  const previous = plus(progress.next, -1);
  const previousTerm = raft.log.term(previous);
  if (typeof previousTerm !== 'number') return sendSnapshot(raft, to, progress);

  // With a full window an empty append still goes out: should all that filled it have been lost, the
  // answer reveals it.
  const windowFull = progress.state === 'replicate' && progress.inflights.full;
  const entries = windowFull ? NO_ENTRIES : raft.log.entriesFrom(progress.next, raft.config.maxBytesPerMessage);
  if (typeof entries === 'string') return sendSnapshot(raft, to, progress);
  if (entries.length === 0 && !evenEmpty) return false;

  const commit = raft.log.committed;
  raft.send(MessageType.app, to, { index: previous, logTerm: previousTerm, entries, commit });
  progress.sentEntries(entries.length, payloadBytes(entries));
  progress.sentCommit = commit;
  return true;
};

export const sendAppend = (raft: Raft, to: PeerId): void => {
  maybeSendAppend(raft, to, true);
};

const sendSnapshot = (raft: Raft, to: PeerId, progress: Progress): boolean => {
  // A snapshot is expensive; a peer that is silent would only let it time out.
  if (!progress.recentActive) return false;
  const snapshot = raft.log.snapshot();
  if (snapshot === SNAPSHOT_TEMPORARILY_UNAVAILABLE) return false;
  const { index, term } = snapshot.metadata;
  if (index === 0) throw violation(`${to} needs a snapshot, but there is none`);
  progress.becomeSnapshot(index);
  raft.send(MessageType.snap, to, { snapshot });
  raft.config.onEvent({ kind: 'snapshot-sent', to, index, term });
  return true;
};

const othersOf = function* (raft: Raft): Iterable<PeerId> {
  for (const id of raft.tracker.members) if (id !== raft.id) yield id;
};

export const broadcastAppend = (raft: Raft): void => {
  for (const id of othersOf(raft)) sendAppend(raft, id);
};

/** Forgets what `to` has acknowledged, and finds out anew where its log ends. */
export const restartReplication = (raft: Raft, to: PeerId): void => {
  const progress = raft.role === RaftRole.leader && to !== raft.id ? raft.tracker.get(to) : undefined;
  if (progress === undefined) return;
  raft.config.onEvent({ kind: 'peer-restarted', peer: to });
  const { recentActive, activeBefore } = progress;
  progress.restart(plus(raft.log.lastIndex(), 1));
  progress.recentActive = recentActive;
  progress.activeBefore = activeBefore;
  sendAppend(raft, to);
};

/** Sends everybody what they lack, but no empty appends. */
export const broadcastMissing = (raft: Raft): void => {
  for (const id of othersOf(raft)) maybeSendAppend(raft, id, false);
};

/**
 * Tells everybody that the leader lives. The commit index goes no further than what a follower is
 * known to have: beyond that its log may differ. When reads wait, or leases are in use, the
 * heartbeats are also a read round.
 */
export const broadcastHeartbeat = (raft: Raft): void => {
  raft.readRoundDue = false;
  const isRound = raft.reads.unconfirmedCount > 0 || raft.config.readOnlyOption === 'lease';
  const round = isRound ? { context: raft.reads.begin(raft.id, raft.ticks) } : {};
  for (const id of othersOf(raft)) {
    const progress = raft.tracker.member(id);
    const commit = minIndex(progress.match, raft.log.committed);
    raft.send(MessageType.heartbeat, id, { commit, ...round });
    progress.sentCommit = commit;
  }
  // Should the others have been removed meanwhile, nobody is left to confirm anything.
  answerConfirmedReads(raft);
};

/** Commits what a quorum has (paper 5.3, 5.4.2). Returns whether the commit index rose; everybody should then hear. */
export const maybeCommit = (raft: Raft): boolean => raft.log.maybeCommit(raft.tracker.committed(), raft.term);
