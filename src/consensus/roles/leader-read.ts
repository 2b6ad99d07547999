import { MessageType, type Message } from '../message.ts';
import type { Raft } from '../raft.ts';
import { hasLease } from '../lease.ts';
import { NO_PEER, type LogIndex } from '../types.ts';

/** Reads that may wait at once; the driver merges the reads of its clients, so it takes few. */
const READS_WAITING_MAX = 4096;

/** Linearizable reads without writing to the log (dissertation 6.4). */
export const onReadIndex = (raft: Raft, request: Message): void => {
  if (raft.earlyReads.length + raft.reads.unconfirmedCount >= READS_WAITING_MAX) {
    const { type, from } = request;
    raft.config.onEvent({ kind: 'message-ignored', type, from, term: raft.term, reason: 'too-many-reads' });
    return;
  }
  // Before an entry of its term is committed, a leader's commit index can be older than what its
  // predecessor acknowledged.
  if (!raft.committedInThisTerm) {
    raft.earlyReads.push(request);
    return;
  }
  serveRead(raft, request);
};

export const releaseEarlyReads = (raft: Raft): void => {
  if (raft.earlyReads.length === 0 || !raft.committedInThisTerm) return;
  const reads = raft.earlyReads;
  raft.earlyReads = [];
  for (const read of reads) serveRead(raft, read);
};

/** Nobody else can have been elected. A leader that was removed may still lead, but no longer decides alone. */
const isOnlyVoter = ({ tracker, id }: Raft): boolean => tracker.isSingleton && tracker.isVoter(id);

const serveRead = (raft: Raft, request: Message): void => {
  const index = raft.log.committed;
  if (isOnlyVoter(raft) || hasLease(raft)) {
    if (!isOnlyVoter(raft)) raft.config.onEvent({ kind: 'read-from-lease', index });
    answerRead(raft, request, index);
    return;
  }
  raft.reads.queue(request, index);
  raft.readRoundDue = true;
};

/** A peer answered a heartbeat round: whoever waited for it gets an answer. */
export const confirmReads = (raft: Raft, message: Message): void => {
  if (message.context.length === 0) return;
  raft.reads.acknowledge(message.from, message.context);
  answerConfirmedReads(raft);
};

/** Answers whatever a quorum of the present voters has confirmed. */
export const answerConfirmedReads = (raft: Raft): void => {
  for (const { request, index } of raft.reads.takeConfirmed(raft.tracker.confState)) answerRead(raft, request, index);
};

const answerRead = (raft: Raft, request: Message, index: LogIndex): void => {
  if (request.from === NO_PEER || request.from === raft.id) {
    for (const { data } of request.entries) raft.readStates.push({ index, context: data });
    return;
  }
  raft.send(MessageType.readIndexResp, request.from, { index, entries: request.entries });
};
